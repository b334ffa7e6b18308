"""The model server as a process: sockets, queue, scheduling, metrics."""
