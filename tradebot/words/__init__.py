"""How codes, facts and figures are said to people. Pure: the log, the command line, the chat and the webhook share these."""
