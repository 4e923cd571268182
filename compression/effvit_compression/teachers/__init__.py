"""Networks that were trained elsewhere and say beforehand what they see in each picture."""
