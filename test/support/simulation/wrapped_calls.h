// The real system calls, and how --wrap sends the data plane's own ones to the Kernel of the running simulation;
// without one, and for descriptors that it does not know, they go straight through. Nothing to own; any thread.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

extern "C" {
int __real_accept4(int listener, sockaddr* address, socklen_t* size, int flags);
int __real_socket(int family, int type, int protocol);
int __real_connect(int fd, const sockaddr* address, socklen_t size);
int __real_epoll_ctl(int epoll_fd, int operation, int fd, epoll_event* event);
int __real_epoll_wait(int epoll_fd, epoll_event* events, int most, int timeout_ms);
ssize_t __real_recv(int fd, void* into, size_t size, int flags);
ssize_t __real_send(int fd, const void* from, size_t size, int flags);
ssize_t __real_splice(int from, off64_t* from_offset, int to, off64_t* to_offset, size_t size, unsigned flags);
int __real_pipe2(int* fds, int flags);
int __real_setsockopt(int fd, int level, int name, const void* value, socklen_t size);
int __real_getsockopt(int fd, int level, int name, void* value, socklen_t* size);
int __real_close(int fd);
}
