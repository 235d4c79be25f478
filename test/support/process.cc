#include "test/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "base/text.h"

namespace narthex::test {

namespace {

constexpr size_t kKeptBytes = 16 * 1024 * 1024;

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
    read_end = ends[0];
    write_end = ends[1];
  }
};

// In the child, between fork and exec: only what is safe after a fork of a program with threads.
[[noreturn]] void become(char* const* argv, int in, int out, int err, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::setpgid(0, 0);  // its own children go with it
  ::signal(SIGPIPE, SIG_DFL);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  ::execvp(argv[0], argv);
  ::_exit(127);
}

void write_input(int fd, std::string_view input) {
  while (!input.empty()) {
    const ssize_t put = ::write(fd, input.data(), input.size());
    if (put <= 0) break;
    input.remove_prefix(static_cast<size_t>(put));
  }
  ::close(fd);
}

}  // namespace

Process::Process(const std::vector<std::string>& argv, const std::string& input) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const Pipe in, out, err;
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(words.data(), in.read_end, out.write_end, err.write_end, parent);
  for (const int fd : {in.read_end, out.write_end, err.write_end}) ::close(fd);
  if (pid_ < 0) throw std::runtime_error("cannot start " + argv[0] + ": " + std::strerror(errno));
  collector_ = std::thread([this, o = out.read_end, e = err.read_end] { collect(o, e); });
  ::signal(SIGPIPE, SIG_IGN);
  write_input(in.write_end, input);
}

Process::~Process() {
  if (!status_) {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);  // where it has not come to found its group yet
    wait_for_exit();
  }
  collector_.join();
}

void Process::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

void Process::collect(int out, int err) {
  pollfd entries[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  while (entries[0].fd >= 0 || entries[1].fd >= 0) {
    ::poll(entries, 2, -1);
    for (int i = 0; i < 2; ++i) {
      if (entries[i].fd < 0 || entries[i].revents == 0) continue;
      char bytes[65536];
      const ssize_t got = ::read(entries[i].fd, bytes, sizeof bytes);
      if (got <= 0) {
        ::close(entries[i].fd);
        entries[i].fd = -1;
        continue;
      }
      const std::lock_guard hold(lock_);
      std::string& kept = i == 0 ? out_ : err_;
      if (kept.size() < kKeptBytes) kept.append(bytes, static_cast<size_t>(got));
      grown_.notify_all();
    }
  }
  const std::lock_guard hold(lock_);
  ended_ = true;
  grown_.notify_all();
}

std::optional<std::string> Process::wait_for_line(const std::string& part, std::chrono::milliseconds patience) {
  std::unique_lock hold(lock_);
  std::optional<std::string> found;
  grown_.wait_for(hold, patience, [&] {
    const std::string_view text = std::string_view(err_).substr(0, err_.rfind('\n') + 1);
    for (std::string_view line : base::split(text, '\n'))
      if (line.find(part) != std::string_view::npos) found = std::string(line);
    return found.has_value() || ended_;
  });
  return found;
}

std::optional<int> Process::wait_for_exit(std::chrono::milliseconds patience) {
  if (status_) return status_;
  time_until(
      [&] {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return true;
      },
      patience);
  return status_;
}

bool Process::output_complete() const {
  const std::lock_guard hold(lock_);
  return ended_;
}

std::string Process::standard_output() const {
  const std::lock_guard hold(lock_);
  return out_;
}

std::string Process::standard_error() const {
  const std::lock_guard hold(lock_);
  return err_;
}

Finished run(const std::vector<std::string>& argv, const std::string& input, std::chrono::milliseconds patience) {
  Process process(argv, input);
  const std::optional<int> status = process.wait_for_exit(patience);
  if (!status) throw std::runtime_error(argv[0] + " does not end; it said: " + process.standard_error());
  // The pipes may hold bytes that the collector has not read yet.
  time_until([&] { return process.output_complete(); });
  return {*status, process.standard_output(), process.standard_error()};
}

bool has_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  for (std::string_view folder : base::split(path == nullptr ? "" : path, ':'))
    if (::access((std::string(folder) + "/" + name).c_str(), X_OK) == 0) return true;
  return false;
}

}  // namespace narthex::test
