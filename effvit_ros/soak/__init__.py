"""The soak: camera and segmenter under full load for long, watched for leaks and slowing down."""
