"""The laboratory: real gateways of this repository, started for an experiment and gone with it.

`serve` starts a gateway, `ask` and `Talk` put questions to it in its own protocol, `Tap` notes what passes, `who` shows
which process is which.
"""

from gateway_lab.asking import Answer, Talk, ask
from gateway_lab.errors import LabError
from gateway_lab.servers import Server, serve, stop_all
from gateway_lab.tap import Tap

__all__ = ["Answer", "LabError", "Server", "Talk", "Tap", "ask", "serve", "stop_all"]
