"""API-Hour 0.8.2's worker on today's Python: the same steps without what asyncio has removed since."""

import asyncio
import contextlib
import os
from types import FrameType

import api_hour
from gunicorn.workers.base import Worker as GunicornWorker

NOTIFY_INTERVAL_S = 1.0


class Worker(api_hour.Worker):
    """API-Hour's worker, for Python 3.11 and newer."""

    def init_process(self) -> None:
        """Start without closing an event loop that does not exist yet."""
        self.stopping = asyncio.Event()
        GunicornWorker.init_process(self)

    async def _run(self) -> None:
        self.container = self.app.callable(config=self.app.config, worker=self, loop=self.loop)
        await self.container.pre_start()
        self.handlers = await self.container.make_servers(self.sockets)
        await self.container.start()
        while self.alive and self.ppid == os.getppid():
            self.notify()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), NOTIFY_INTERVAL_S)
        await self.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at once on SIGTERM, not at the next beat."""
        super().handle_exit(sig, frame)
        self.stopping.set()

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at once on SIGINT or SIGQUIT."""
        super().handle_quit(sig, frame)
        self.stopping.set()

    async def close(self) -> None:
        """Stop accepting, close idle connections, let replies finish, then clean up."""
        deadline_s = self.cfg.graceful_timeout * 0.8
        for server, handler in self.handlers.items():
            server.close()
            handler.pre_shutdown()
        await self.container.shutdown()
        for server, handler in self.handlers.items():
            await handler.shutdown(deadline_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(server.wait_closed(), deadline_s)
        await self.container.cleanup()
