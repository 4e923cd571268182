"""Alerts for the autopilot's side: MAVLink STATUSTEXT, MAVROS, PX4."""
