"""What the notebooks work with: predict, run, observe, explain, check. And the laboratory in which they run.

`open_lesson(n)` gives a notebook its desk (`desk.Desk`); `serve` starts a gateway, `ask` and `Talk` put questions to
it.
"""

from gateway_lab.asking import Answer, Talk, ask
from gateway_lab.servers import Server, serve, stop_all
from lesson_kit.desk import Desk, open_lesson

__all__ = ["Answer", "Desk", "Server", "Talk", "ask", "open_lesson", "serve", "stop_all"]
