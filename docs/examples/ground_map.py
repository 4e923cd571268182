#!/usr/bin/env python3
"""
Labels on flat ground, as a map: an example that docs/mapping.md walks through.

Subscribes to ``labels`` and ``camera_info`` of the segmenter and to ``pose`` of the aircraft;
publishes ``ground_map`` (nav_msgs/OccupancyGrid: 0 landable, 100 not, -1 not seen) and
``landing_zone`` (geometry_msgs/PointStamped: the middle of the largest landable circle; nothing
where none is large enough).
"""
import cv2
import numpy as np

#: Where one may land, as class ids of LPCV 2023: background, road.
LANDABLE = (0, 12)
FREE, BLOCKED, UNSEEN = 0, 100, -1
#: Columns: the optical frame's axes (right, down, into the picture) in the aircraft's frame
#: (REP 103: forward, left, up), for a camera that looks down with the picture's top at the nose.
NADIR = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


def rotation(x, y, z, w):
    """Return the (3, 3) rotation of a unit quaternion."""
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def ground_to_pixel(k, camera_to_map, position):
    """
    Return the (3, 3) homography from the plane z = 0 of the map to pixels.

    :param k: (3, 3) camera matrix of rectified pictures.
    :param camera_to_map: (3, 3) rotation from the optical frame.
    :param position: (3,) of the camera in the map, metres.
    """
    map_to_camera = camera_to_map.T
    # A ground point (x, y, 0) lies at map_to_camera @ ((x, y, 0) - position).
    return k @ np.column_stack([map_to_camera[:, 0], map_to_camera[:, 1],
                                -map_to_camera @ position])


def ground_map(labels, homography, origin, cells, resolution):
    """
    Return the map, (cells, cells) int8, row 0 at the smallest y.

    :param labels: (H, W) uint8, class ids; 255 counts as not seen.
    :param homography: see :func:`ground_to_pixel`.
    :param origin: (x, y) of the map's corner in metres.
    :param resolution: metres of a cell's side.
    """
    middles = (np.arange(cells) + 0.5) * resolution
    x, y = np.meshgrid(origin[0] + middles, origin[1] + middles)
    u, v, depth = homography @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    seen = depth > 0
    # The nearest pixel; its class is no number that could be interpolated.
    column = np.rint(np.divide(u, depth, out=np.full_like(u, -1), where=seen)).astype(int)
    row = np.rint(np.divide(v, depth, out=np.full_like(v, -1), where=seen)).astype(int)
    height, width = labels.shape
    seen &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
    ids = labels[row[seen], column[seen]]
    grid = np.full(x.size, UNSEEN, np.int8)
    grid[seen] = np.where(np.isin(ids, LANDABLE), FREE, BLOCKED)
    grid[np.flatnonzero(seen)[ids == 255]] = UNSEEN
    return grid.reshape(cells, cells)


def landing_zone(grid, resolution):
    """Return (row, column, radius in metres) of the largest circle of free cells."""
    free = np.pad((grid == FREE).astype(np.uint8), 1)
    distance = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    row, column = np.unravel_index(distance.argmax(), distance.shape)
    return row, column, float(distance[row, column]) * resolution


def main():
    """Run the node."""
    import rclpy
    from geometry_msgs.msg import PointStamped, PoseStamped
    from nav_msgs.msg import OccupancyGrid
    from rclpy.node import Node
    from sensor_msgs.msg import CameraInfo, Image

    class GroundMap(Node):
        """Joins each label image with its camera_info and the newest pose."""

        def __init__(self):
            super().__init__('ground_map')
            self.declare_parameter('resolution', 0.5)
            self.declare_parameter('cells', 100)
            self.declare_parameter('least_radius', 3.0)
            self._pose = self._info = None
            self._map = self.create_publisher(OccupancyGrid, 'ground_map', 1)
            self._zone = self.create_publisher(PointStamped, 'landing_zone', 1)
            self.create_subscription(PoseStamped, 'pose', self._on_pose, 1)
            self.create_subscription(CameraInfo, 'camera_info', self._on_info, 1)
            self.create_subscription(Image, 'labels', self._on_labels, 1)

        def _on_pose(self, message):
            self._pose = message

        def _on_info(self, message):
            self._info = message

        def _on_labels(self, message):
            if self._pose is None or self._info is None or not self._info.k[0]:
                return
            labels = np.frombuffer(message.data, np.uint8).reshape(
                message.height, message.step)[:, :message.width]
            resolution, cells, least_radius = (
                self.get_parameter(name).value
                for name in ('resolution', 'cells', 'least_radius'))
            p, q = self._pose.pose.position, self._pose.pose.orientation
            homography = ground_to_pixel(
                np.array(self._info.k).reshape(3, 3),
                rotation(q.x, q.y, q.z, q.w) @ NADIR, np.array([p.x, p.y, p.z]))
            origin = (p.x - cells * resolution / 2, p.y - cells * resolution / 2)
            grid = ground_map(labels, homography, origin, cells, resolution)
            self._publish(grid, origin, resolution, least_radius, message.header.stamp)

        def _publish(self, grid, origin, resolution, least_radius, stamp):
            message = OccupancyGrid()
            message.header.stamp = stamp
            message.header.frame_id = self._pose.header.frame_id
            message.info.resolution = resolution
            message.info.height, message.info.width = grid.shape
            message.info.origin.position.x, message.info.origin.position.y = origin
            message.data.frombytes(grid.tobytes())
            self._map.publish(message)
            row, column, radius = landing_zone(grid, resolution)
            if radius >= least_radius:
                zone = PointStamped(header=message.header)
                zone.point.x = origin[0] + (column + 0.5) * resolution
                zone.point.y = origin[1] + (row + 0.5) * resolution
                self._zone.publish(zone)

    rclpy.init()
    try:
        rclpy.spin(GroundMap())
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        pass


if __name__ == '__main__':
    main()
