"""What a user can set on the viewer; docs/view.md explains it."""
from __future__ import annotations

from effvit_ros.ros.common.parameters import ON_START, Parameter

VIEW_PARAMETERS = (
    Parameter('address', '127.0.0.1', 'Address to listen on; 0.0.0.0 shows the pictures to the '
              'network, to those who have the token.', effective=ON_START),
    Parameter('port', 8088, 'TCP port; 0: any that is free.', effective=ON_START,
              low=0, high=65535),
    Parameter('token', '', 'What browsers must show where address is not loopback; empty: made '
              'anew at each start.', effective=ON_START),
    Parameter('max_rate', 10.0, 'Show at most so many pictures a second.', low=0.1, high=100.0),
)
