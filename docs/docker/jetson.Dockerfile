# The segmenter on a Jetson Orin: JetPack 6, ROS 2 Humble, TensorRT from the base image.
# Not built by CI, which has no Jetson: see ../jetson.md for what was tried and what was not.
#
#   docker build -f docs/docker/jetson.Dockerfile --build-arg BASE=IMAGE -t effvit_ros .
#   docker run --runtime nvidia --network host --ipc host --device /dev/video0 \
#     --group-add video --group-add render \
#     -v /etc/effvit:/etc/effvit:ro -v effvit_data:/data effvit_ros \
#     ros2 launch effvit_ros drone.launch.py vehicle:=/etc/effvit/uav1.yaml
#
# IMAGE is NVIDIA's image of the board's JetPack, which holds CUDA and TensorRT for Python 3.10:
# nvcr.io/nvidia/l4t-jetpack:r36.4.0 for 6.1 and 6.2 (TensorRT 10.3), nvcr.io/nvidia/
# l4t-jetpack:r36.3.0 for 6.0 (TensorRT 8.6). It is several GB: leave 20 GB free for the build.
ARG BASE

FROM ${BASE} AS ros
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8
ARG ROS_APT_SOURCE=1.1.0
# A camera's driver, foxglove_bridge and the like: what the vehicle's file asks for.
ARG EXTRA_PACKAGES="ros-humble-v4l2-camera"
# NVIDIA's OpenCV would block the ROS packages that need Ubuntu's.
RUN dpkg-query -W -f '${Package}\n' | { grep -E '^(lib)?opencv' || true; } \
 | xargs -r apt-get purge -y \
 && apt-get update \
 && apt-get install -y --no-install-recommends curl ca-certificates \
 && curl -fsSL -o /tmp/ros.deb "https://github.com/ros-infrastructure/ros-apt-source/releases/download/${ROS_APT_SOURCE}/ros2-apt-source_${ROS_APT_SOURCE}.jammy_all.deb" \
 && apt-get install -y --no-install-recommends /tmp/ros.deb && rm /tmp/ros.deb \
 && apt-get update \
 && apt-get install -y --no-install-recommends \
      ros-humble-ros-base ros-humble-rosbag2-storage-mcap ros-humble-vision-msgs \
      python3-numpy python3-opencv python3-yaml ${EXTRA_PACKAGES} \
 && rm -rf /var/lib/apt/lists/*

FROM ros AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      g++ python3-colcon-common-extensions python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/*
# pycuda is built against the image's CUDA. onnx and onnxruntime: the check after each build.
ENV PATH=/usr/local/cuda/bin:${PATH}
RUN python3 -m venv --system-site-packages /opt/effvit/python \
 && /opt/effvit/python/bin/pip install --no-cache-dir --upgrade pip \
 && CPATH=/usr/local/cuda/include LIBRARY_PATH=/usr/local/cuda/lib64 \
    /opt/effvit/python/bin/pip install --no-cache-dir \
      'pycuda>=2022.1' 'onnx>=1.15,<1.18' 'onnxruntime>=1.18,<1.20' 'numpy<2'
COPY package.xml setup.py setup.cfg pyproject.toml LICENSE /ws/src/effvit_ros/
COPY resource /ws/src/effvit_ros/resource
COPY config /ws/src/effvit_ros/config
COPY launch /ws/src/effvit_ros/launch
COPY effvit_ros /ws/src/effvit_ros/effvit_ros
RUN source /opt/ros/humble/setup.bash \
 && cd /ws && colcon build --install-base /opt/effvit/install

FROM ros
# render: the GPU's device files; the base image may lack the group.
RUN groupadd --force --system render \
 && useradd --system --create-home --home-dir /data --groups video,render effvit
COPY --from=build /opt/effvit /opt/effvit
# Engines fit the board they were built on: they are kept in the volume, not in the image.
ENV PATH=/opt/effvit/python/bin:${PATH} PYTHONUNBUFFERED=1 EFFVIT_ENGINE_CACHE=/data/engines
USER effvit
WORKDIR /data
VOLUME /data
# ros2 launch ends its nodes on SIGINT; SIGTERM would leave them behind.
STOPSIGNAL SIGINT
ENTRYPOINT ["/bin/bash", "-c", "source /opt/effvit/install/setup.bash && exec \"$@\"", "--"]
CMD ["ros2", "launch", "effvit_ros", "drone.launch.py"]
