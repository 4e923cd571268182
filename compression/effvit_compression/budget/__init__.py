"""The network that fits a time: searched by times measured on this machine."""
