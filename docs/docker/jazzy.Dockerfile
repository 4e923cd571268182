# The segmenter on a plain computer: ROS 2 Jazzy, OpenVINO or ONNX Runtime on the CPU.
# Not built by CI, which has no Docker: see ../onboard.md for what was checked and what was not.
#
#   docker build -f docs/docker/jazzy.Dockerfile -t effvit_ros:jazzy .
#   docker run --rm --network host --ipc host --device /dev/video0 --group-add video \
#     -v /etc/effvit:/etc/effvit:ro -v effvit_data:/data effvit_ros:jazzy \
#     ros2 launch effvit_ros drone.launch.py vehicle:=/etc/effvit/uav1.yaml
#
# --ipc host: pictures pass through /dev/shm; without it give --shm-size 1g and run the camera in
# the same container.

FROM ros:jazzy-ros-base AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      python3-colcon-common-extensions python3-venv \
 && rm -rf /var/lib/apt/lists/*
# A virtual environment over apt's Python packages: Ubuntu's pip refuses to write among those.
RUN python3 -m venv --system-site-packages /opt/effvit/python \
 && /opt/effvit/python/bin/pip install --no-cache-dir \
      'onnxruntime>=1.18,<2' 'openvino>=2024.0,<2027' 'numpy<2'
COPY package.xml setup.py setup.cfg pyproject.toml LICENSE /ws/src/effvit_ros/
COPY resource /ws/src/effvit_ros/resource
COPY config /ws/src/effvit_ros/config
COPY launch /ws/src/effvit_ros/launch
COPY effvit_ros /ws/src/effvit_ros/effvit_ros
RUN source /opt/ros/jazzy/setup.bash \
 && cd /ws && colcon build --install-base /opt/effvit/install

FROM ros:jazzy-ros-base
# A camera's driver, foxglove_bridge and the like: what the vehicle's file asks for.
ARG EXTRA_PACKAGES="ros-jazzy-v4l2-camera"
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      python3-numpy python3-opencv python3-yaml ros-jazzy-vision-msgs ${EXTRA_PACKAGES} \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --home-dir /data --groups video effvit
COPY --from=build /opt/effvit /opt/effvit
ENV PATH=/opt/effvit/python/bin:${PATH} PYTHONUNBUFFERED=1
USER effvit
WORKDIR /data
VOLUME /data
# ros2 launch ends its nodes on SIGINT; SIGTERM would leave them behind.
STOPSIGNAL SIGINT
ENTRYPOINT ["/bin/bash", "-c", "source /opt/effvit/install/setup.bash && exec \"$@\"", "--"]
CMD ["ros2", "launch", "effvit_ros", "drone.launch.py"]
