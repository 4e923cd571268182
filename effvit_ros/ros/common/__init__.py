"""What all nodes share: parameters, spinning, pictures as messages, DDS, systemd."""
