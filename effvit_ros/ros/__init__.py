"""The ROS 2 side: nodes and what they share; everything that imports rclpy is here."""
