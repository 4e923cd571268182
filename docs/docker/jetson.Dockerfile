# The segmenter on a Jetson Orin: JetPack 6, ROS 2 Humble, TensorRT from the base image.
# Not built by CI, which has no Jetson: see ../jetson.md for what was tried and what was not.
#
#   docker build -f docs/docker/jetson.Dockerfile --build-arg BASE=IMAGE -t effvit_ros .
#   docker run --runtime nvidia --network host --ipc host -v effvit_engines:/engines effvit_ros
#
# IMAGE is NVIDIA's l4t-jetpack of the board's JetPack, for example tag r36.4.0 for 6.1 and 6.2
# (TensorRT 10.3) or r36.3.0 for 6.0 (TensorRT 8.6): it holds CUDA and TensorRT for Python 3.10.
ARG BASE
FROM ${BASE}

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8

ARG ROS_APT_SOURCE=1.1.0
RUN apt-get update \
 && apt-get install -y --no-install-recommends curl ca-certificates \
 && curl -fsSL -o /tmp/ros.deb "https://github.com/ros-infrastructure/ros-apt-source/releases/download/${ROS_APT_SOURCE}/ros2-apt-source_${ROS_APT_SOURCE}.jammy_all.deb" \
 && apt-get install -y /tmp/ros.deb && rm /tmp/ros.deb \
 && apt-get update \
 && apt-get install -y --no-install-recommends \
      ros-humble-ros-base ros-humble-vision-msgs \
      python3-colcon-common-extensions python3-dev python3-numpy python3-opencv python3-pip \
      python3-yaml g++ \
 && rm -rf /var/lib/apt/lists/*

# pycuda is built against the image's CUDA. onnx and onnxruntime: the check after each build.
ENV PATH=/usr/local/cuda/bin:${PATH}
RUN CPATH=/usr/local/cuda/include LIBRARY_PATH=/usr/local/cuda/lib64 \
    pip3 install --no-cache-dir 'pycuda>=2022.1' 'onnx>=1.15,<1.18' 'onnxruntime>=1.16,<1.20' 'numpy<2'

COPY . /ws/src/effvit_ros
RUN source /opt/ros/humble/setup.bash \
 && cd /ws && colcon build --packages-select effvit_ros

# Engines fit the board they were built on: keep them in a volume, not in the image.
ENV EFFVIT_ENGINE_CACHE=/engines
VOLUME /engines

CMD source /opt/ros/humble/setup.bash && source /ws/install/setup.bash \
 && exec ros2 launch effvit_ros segment.launch.py runtime:=tensorrt
