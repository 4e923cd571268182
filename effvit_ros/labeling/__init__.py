"""Which frames of a flight to label next, handed over in the forms that labelling tools open."""
