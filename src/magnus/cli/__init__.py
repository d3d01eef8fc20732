"""The command line of magnus; `console` alone prints."""
