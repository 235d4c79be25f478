#include "test/support/simulation/wrapped_calls.h"

#include "test/support/simulation/kernel.h"

using narthex::simulation::Kernel;

extern "C" {

int __wrap_accept4(int listener, sockaddr* address, socklen_t* size, int flags) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->accept(listener, address, size, flags) : __real_accept4(listener, address, size, flags);
}

int __wrap_socket(int family, int type, int protocol) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->socket(family, type, protocol) : __real_socket(family, type, protocol);
}

int __wrap_connect(int fd, const sockaddr* address, socklen_t size) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->connect(fd, address, size) : __real_connect(fd, address, size);
}

int __wrap_epoll_ctl(int epoll_fd, int operation, int fd, epoll_event* event) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->epoll_control(epoll_fd, operation, fd, event)
                : __real_epoll_ctl(epoll_fd, operation, fd, event);
}

int __wrap_epoll_wait(int epoll_fd, epoll_event* events, int most, int timeout_ms) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->epoll_wait(epoll_fd, events, most, timeout_ms)
                : __real_epoll_wait(epoll_fd, events, most, timeout_ms);
}

ssize_t __wrap_recv(int fd, void* into, size_t size, int flags) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->recv(fd, into, size, flags) : __real_recv(fd, into, size, flags);
}

ssize_t __wrap_send(int fd, const void* from, size_t size, int flags) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->send(fd, from, size, flags) : __real_send(fd, from, size, flags);
}

ssize_t __wrap_splice(int from, off64_t* from_offset, int to, off64_t* to_offset, size_t size, unsigned flags) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->splice(from, to, size, flags) : __real_splice(from, from_offset, to, to_offset, size, flags);
}

int __wrap_pipe2(int* fds, int flags) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->pipe(fds, flags) : __real_pipe2(fds, flags);
}

int __wrap_setsockopt(int fd, int level, int name, const void* value, socklen_t size) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->set_option(fd, level, name, value, size) : __real_setsockopt(fd, level, name, value, size);
}

int __wrap_getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->option(fd, level, name, value, size) : __real_getsockopt(fd, level, name, value, size);
}

int __wrap_close(int fd) {
  Kernel* const kernel = Kernel::current();
  return kernel ? kernel->close(fd) : __real_close(fd);
}

}  // extern "C"
