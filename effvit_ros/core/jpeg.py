"""How strongly JPEGs are compressed where nobody says otherwise."""
#: Of overlays, which go over a radio link.
LINK_QUALITY = 80
#: Of a camera's pictures, which are segmented afterwards.
PICTURE_QUALITY = 90
