"""What a run reads beside the load.

=============  =========================================================================================
`usage`        processor time, page faults, context switches of a tree; `ended` has those that are gone
`processes`    the tree itself, and its memory
`births`       who was born into it: by the kernel's word (`connector`), or the server's (`spawns`)
`syscalls`     system calls by name, and births, counted by `strace` in a run of their own
`scoreboard`   how long requests waited inside the server
`noise`        whether the machine is fit, before the first server
`machine`      what the machine is, with its limits (`cgroup`); `cores` keeps server and generator apart
=============  =========================================================================================
"""
