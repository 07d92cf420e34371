"""What people read: pure functions from codes, facts and figures to sentences, for the chat, command line and log."""
