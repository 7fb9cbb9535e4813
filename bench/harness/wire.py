"""A Redis client of a few lines, for what the benchmark itself asks: empty, count, look."""
import socket


class RedisError(Exception):
    pass


class Redis:
    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._replies = self._socket.makefile("rb")

    def ask(self, *arguments):
        """Send one command and return its reply: text, a number, a list, or None."""
        parts = [str(argument).encode() for argument in arguments]
        self._socket.sendall(
            b"*%d\r\n" % len(parts)
            + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        )
        return self._read()

    def info(self, section):
        """A section of INFO as a dict of texts."""
        lines = self.ask("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def calls(self, command):
        """How often the server has run a command since CONFIG RESETSTAT."""
        found = self.info("commandstats").get(f"cmdstat_{command}", "calls=0")
        return int(found.split(",")[0].removeprefix("calls="))

    def cpu(self):
        """The server's CPU seconds, all of its threads."""
        info = self.info("cpu")
        return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])

    def clear(self):
        """Empty it and give its memory back, so that everybody finds the same server."""
        self.ask("FLUSHALL", "SYNC")
        self.ask("MEMORY", "PURGE")
        self.ask("CONFIG", "RESETSTAT")

    def _read(self):
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise RedisError("the connection is lost")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._replies.read(int(rest) + 2)[:-2].decode()
        return [self._read() for _ in range(int(rest))]
