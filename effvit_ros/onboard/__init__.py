"""One aircraft: its file, its camera, its recording; what ``drone.launch.py`` starts."""
