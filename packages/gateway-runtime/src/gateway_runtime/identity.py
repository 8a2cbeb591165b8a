"""Whoever starts as root, to bind a low port, goes on as somebody who may do less."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from .errors import StartupError

__all__ = ["Identity"]

_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Identity:
    """A user and a group, by number; `name` is the user's, for the groups that it is a member of besides."""

    uid: int
    gid: int
    name: str

    @classmethod
    def of(cls, user: str, group: str) -> Identity | None:
        """Look up the names or numbers of --user and --group; None if neither is given. Raises StartupError."""
        if not user and not group:
            return None
        import grp  # these two: few servers are started as root
        import pwd

        name = user or str(os.geteuid())
        try:
            entry = pwd.getpwuid(int(name)) if _NUMBER.fullmatch(name) else pwd.getpwnam(name)
        except (KeyError, OverflowError):
            raise StartupError(f"there is no user {name!r}") from None
        gid = entry.pw_gid
        if group:
            try:
                gid = (grp.getgrgid(int(group)) if _NUMBER.fullmatch(group) else grp.getgrnam(group)).gr_gid
            except (KeyError, OverflowError):
                raise StartupError(f"there is no group {group!r}") from None
        found = cls(entry.pw_uid, gid, entry.pw_name)
        if os.geteuid() != 0 and not found.is_ours():
            raise StartupError("only root can become another user: start it as root, or without --user and --group")
        return found

    def is_ours(self) -> bool:
        """Are we that already? As after an upgrade."""
        return (os.geteuid(), os.getegid()) == (self.uid, self.gid)

    def give(self, path: str) -> None:
        """Let a file that we have made be theirs. Raises StartupError."""
        if not self.is_ours():
            try:
                os.chown(path, self.uid, self.gid)
            except OSError as error:
                raise StartupError(f"cannot give {path} to {self.name}: {error.strerror}") from None

    def assume(self) -> None:
        """Become that user, for good. Raises StartupError."""
        if self.is_ours():
            return
        try:
            os.initgroups(self.name, self.gid)
            os.setgid(self.gid)  # while we may
            os.setuid(self.uid)
        except OSError as error:
            raise StartupError(f"cannot become {self.name}: {error.strerror}") from None
