"""Build the ROS package effvit_ros, by colcon on a robot or by pip anywhere."""
import os
from glob import glob

from setuptools import find_packages, setup

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70.1
    try:
        from wheel.bdist_wheel import bdist_wheel
    except ImportError:  # colcon builds no wheel
        bdist_wheel = None

PACKAGE = 'effvit_ros'

CONSOLE_SCRIPTS = [
    'segmenter_node = effvit_ros.ros.segmenter.main:main',
    'build_engine = effvit_ros.core.runtimes.tensorrt.build_engine:main',
    'camera_node = effvit_ros.ros.camera.main:main',
    'effvit_demo = effvit_ros.demo:main',
    'render_flight = effvit_ros.render_flight:main',
    'evaluate_bag = effvit_ros.evaluation.evaluate_bag:main',
    'compare_reports = effvit_ros.evaluation.compare_reports:main',
    'make_bag = effvit_ros.bags.make_bag:main',
    'label_next = effvit_ros.labeling.label_next:main',
    'play_bag = effvit_ros.evaluation.play_bag:main',
    'alert_bridge = effvit_ros.telemetry.alert_bridge:main',
    'mapper_node = effvit_ros.ros.mapper.main:main',
    'view_node = effvit_ros.ros.view.main:main',
    'map_bag = effvit_ros.mapping.map_bag:main',
    'record_flight = effvit_ros.onboard.record_flight:main',
]


def shared(folder):
    """Return data_files entries that install ``folder`` with its subfolders under share."""
    return [
        (os.path.join('share', PACKAGE, root), sorted(os.path.join(root, f) for f in files))
        for root, _, files in os.walk(folder) if files]


def commands_beside_bin():
    """
    Write one launcher for each command and return their data_files entry.

    ``ros2 run`` and ``ros2 launch`` look in lib/<package>; pip puts commands only into bin.
    """
    folder = os.path.join('build', 'launchers')
    os.makedirs(folder, exist_ok=True)
    files = []
    for entry in CONSOLE_SCRIPTS:
        path = os.path.join(folder, entry.split()[0])
        with open(path, 'w') as file:
            file.write('#!/bin/sh\nexec "$(dirname "$0")/../../bin/$(basename "$0")" "$@"\n')
        os.chmod(path, 0o755)
        files.append(path)
    return os.path.join('lib', PACKAGE), files


cmdclass = {}
if bdist_wheel is not None:
    class WheelWithLaunchers(bdist_wheel):
        """Adds lib/effvit_ros, which colcon makes by itself."""

        def run(self):
            """Build the wheel."""
            self.distribution.data_files.append(commands_beside_bin())
            super().run()

    cmdclass['bdist_wheel'] = WheelWithLaunchers

setup(
    name=PACKAGE,
    version='0.1.0',
    packages=find_packages(include=[PACKAGE, PACKAGE + '.*']),
    package_data={PACKAGE: ['report/templates/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + PACKAGE]),
        ('share/' + PACKAGE, ['package.xml']),
        ('share/' + PACKAGE + '/launch', sorted(glob('launch/*.launch.py'))),
        *shared('config'),
        *shared('resource/models'),
        *shared('resource/web'),
    ],
    # What apt brings on a robot; colcon asks package.xml instead.
    install_requires=[
        'setuptools',
        'numpy>=1.21,<3',
        'opencv-python-headless>=4.5,<6',
        'PyYAML>=5.4,<7',
    ],
    extras_require={
        # Inference on CPUs: OpenVINO is the fastest on x86, ONNX Runtime runs anywhere; 1.18 is
        # the first that reads ONNX IR 10, the bundles' (an old pip picks others: update it).
        'cpu': ['onnxruntime>=1.18,<2',
                'openvino>=2024.0,<2027; platform_machine in "x86_64 AMD64 aarch64 arm64"'],
        # Engines for RTX cards, also compiled ahead where there is no GPU. To run them needs
        # pycuda, which is built against the CUDA toolkit: docs/tensorrt.md.
        'rtx': ['tensorrt-rtx-cu13>=1.7,<2; platform_machine == "x86_64"'],
        # ROS 2 without a ROS installation: third-party wheels, x86_64 only.
        'ros': ['ros-rclpy>=7.1,<10', 'ros-rmw-fastrtps-cpp', 'ros-sensor-msgs', 'ros-std-msgs',
                'ros-diagnostic-msgs', 'ros-lifecycle-msgs', 'ros-rosgraph-msgs',
                'ros-geometry-msgs', 'ros-nav-msgs', 'ros-std-srvs', 'ros-ament-index-python'],
        # The page that shows the segmenter in a browser.
        'view': ['aiohttp>=3.8,<4'],
        # Alerts as MAVLink STATUSTEXT; pyserial for an autopilot on a serial port.
        'mavlink': ['pymavlink>=2.4.41,<3', 'pyserial>=3.5,<4'],
        # The demo's live table.
        'demo': ['rich>=13,<16'],
        # Jinja2: the pages of reports. rosbags: all bag formats. mcap: files without an index.
        # zstandard: rosbag2's file and
        # message compression. Pillow: indices of palette PNGs. matplotlib, rich: plots,
        # progress.
        'bags': ['Jinja2>=3.0,<4', 'rosbags>=0.11,<0.12', 'mcap>=1.1,<2', 'zstandard>=0.19,<1',
                 'pillow>=9.1,<14', 'matplotlib>=3.6,<4', 'rich>=13,<16'],
        # Maps. pyproj: degrees to metres; rasterio: GeoTIFF, outlines; shapely: polygons;
        # simplekml: KML.
        'map': ['pyproj>=3.4,<4', 'rasterio>=1.3,<2', 'shapely>=2.0,<3', 'simplekml>=1.3.6,<2'],
        # H.264 and H.265 in bags and topics (foxglove_msgs, ffmpeg_image_transport_msgs).
        'video': ['av>=12,<19'],
        # Many bags on many machines.
        'ray': ['ray>=2.9,<3'],
        # hypothesis: properties of converters and parsers. onnx: builds the tests' tiny graph.
        # catkin_pkg and colcon: check the package as a ROS user builds it. pymavlink, pyserial:
        # read what the alert bridge sends.
        'test': ['pytest>=7,<10', 'hypothesis>=6,<7', 'onnx>=1.15,<2', 'catkin_pkg>=1,<2',
                 'colcon-common-extensions>=0.3,<1',
                 'pymavlink>=2.4.41,<3', 'pyserial>=3.5,<4', 'xmlschema>=2,<5', 'av>=12,<19'],
        # ruff: style, imports, docstrings, form. mypy: the types, with those of PyYAML.
        'lint': ['ruff>=0.6,<1', 'mypy>=1.11,<3', 'types-PyYAML>=6,<7'],
        # The site of the docs, with the API of the core.
        'docs': ['mkdocs>=1.6,<2', 'mkdocs-material>=9.5,<10', 'mkdocstrings[python]>=0.26,<2'],
    },
    entry_points={'console_scripts': CONSOLE_SCRIPTS},
    cmdclass=cmdclass,
    zip_safe=False,
    maintainer='effvit_ros maintainers',
    maintainer_email='maintainers@effvit-ros.example.org',
    description='Segments UAV camera streams in ROS 2 with a compressed MobileViT + UPerNet.',
    license='Apache-2.0',
    python_requires='>=3.8',
)
