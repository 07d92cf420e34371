from tradebot.cli import main

main()
