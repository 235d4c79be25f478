#include "controller/api/exec_plugin.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>

#include "base/text.h"
#include "config/names.h"
#include "config/tree.h"

extern char** environ;

namespace narthex::controller {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using config::Tree;

constexpr size_t kOutputBytes = 1u << 20;

std::string text_at(const Tree& map, std::string_view name) {
  const Tree* member = map.find(name);
  const std::string* text = member == nullptr ? nullptr : std::get_if<std::string>(&member->value);
  return text == nullptr ? std::string() : *text;
}

std::string quoted(std::string_view text) { return "\"" + base::escape_line(text, true) + "\""; }

// KUBERNETES_EXEC_INFO: what the plug-in may want to know.
std::string exec_request(const ExecPlugin& plugin, const ApiAccess& access) {
  std::string cluster;
  if (plugin.wants_cluster) {
    cluster = fmt::format(",\"cluster\":{{\"server\":{}", quoted(access.url()));
    if (!access.server_name.empty()) cluster += ",\"tls-server-name\":" + quoted(access.server_name);
    if (!access.verify) cluster += ",\"insecure-skip-tls-verify\":true";
    if (!access.authorities_pem.empty())
      cluster += ",\"certificate-authority-data\":" + quoted(base::encode_base64(access.authorities_pem));
    cluster += "}";
  }
  return fmt::format("{{\"apiVersion\":{},\"kind\":\"ExecCredential\",\"spec\":{{\"interactive\":false{}}}}}",
                     quoted(plugin.api_version), cluster);
}

// The environment of this process, with the plug-in's own variables in place of those of the same name.
std::vector<std::string> environment_of(const ExecPlugin& plugin, const ApiAccess& access) {
  auto own = plugin.environment;
  own.emplace_back("KUBERNETES_EXEC_INFO", exec_request(plugin, access));
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    const bool replaced =
        std::any_of(own.begin(), own.end(), [&](const auto& variable) { return variable.first == name; });
    if (!replaced) all.emplace_back(text);
  }
  for (const auto& [name, value] : own) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// The child's pid, or -errno. `output` becomes its standard output.
pid_t spawn(const ExecPlugin& plugin, const ApiAccess& access, int output) {
  std::vector<std::string> words = {plugin.command};
  words.insert(words.end(), plugin.arguments.begin(), plugin.arguments.end());
  std::vector<std::string> variables = environment_of(plugin, access);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);  // Asio's sockets would be inherited
  sigset_t standard;  // SIGPIPE is ignored here, and would be in the child
  sigemptyset(&standard);
  sigaddset(&standard, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &standard);
  posix_spawnattr_setpgroup(&attributes, 0);  // its own group, so that killing it takes its children along
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, plugin.command.c_str(), &actions, &attributes, pointers(words).data(),
                                  pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return failed == 0 ? pid : -failed;
}

}  // namespace

// The running child. Shared with the pending operations on the loop.
class ExecRun::Child final : public std::enable_shared_from_this<Child> {
 public:
  Child(asio::io_context& loop, const ExecPlugin& plugin, ExecDone done)
      : plugin_(plugin), done_(std::move(done)), output_(loop), exit_(loop), patience_(loop) {}

  void start(asio::io_context& loop, const ApiAccess& access, std::chrono::milliseconds patience);
  void stop();

 private:
  void read();
  void await_exit();
  void end(const std::string& trouble);
  void kill_group() const {
    if (pid_ > 0) ::kill(-pid_, SIGKILL);
  }
  int reap();

  const ExecPlugin plugin_;
  ExecDone done_;  // empty: told
  asio::posix::stream_descriptor output_, exit_;
  asio::steady_timer patience_;
  pid_t pid_ = -1;
  std::array<char, 16 * 1024> part_{};
  std::string text_;
};

base::Result<ExecAnswer> parse_exec_answer(std::string_view text, const std::string& api_version) {
  const config::TreeDocuments parsed = config::parse_json(text, {.depth = 20, .nodes = 10'000, .bytes = kOutputBytes});
  if (!parsed.errors.empty()) return base::Error(parsed.errors[0].message);
  if (parsed.documents.empty()) return base::Error("it printed nothing");
  const Tree& root = parsed.documents[0];
  if (text_at(root, "kind") != "ExecCredential") return base::Error("kind must be ExecCredential");
  if (text_at(root, "apiVersion") != api_version)
    return base::Error(fmt::format("apiVersion must be {}, as in the kubeconfig", api_version));
  const Tree* status = root.find("status");
  if (status == nullptr) return base::Error("status is missing");
  ExecAnswer answer;
  answer.token = text_at(*status, "token");
  answer.certificate_pem = text_at(*status, "clientCertificateData");
  answer.key_pem = text_at(*status, "clientKeyData");
  if (answer.certificate_pem.empty() != answer.key_pem.empty())
    return base::Error("status: clientCertificateData and clientKeyData go together, but one of the two is missing");
  if (answer.token.empty() && answer.certificate_pem.empty())
    return base::Error("status: neither token nor clientCertificateData");
  const std::string expires = text_at(*status, "expirationTimestamp");
  if (expires.empty()) return answer;
  const auto time = config::parse_rfc3339(expires);
  if (!time) return base::Error("status.expirationTimestamp: " + config::in_quotes(expires) + " is no time");
  answer.expires = *time;
  return answer;
}

ExecRun::ExecRun(asio::io_context& loop, const ExecPlugin& plugin, const ApiAccess& access, ExecDone done,
                 std::chrono::milliseconds patience)
    : child_(std::make_shared<Child>(loop, plugin, std::move(done))) {
  child_->start(loop, access, patience);
}

ExecRun::~ExecRun() { child_->stop(); }

void ExecRun::Child::start(asio::io_context& loop, const ApiAccess& access, std::chrono::milliseconds patience) {
  int ends[2];
  std::string trouble;
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    trouble = std::strerror(errno);
  } else {
    pid_ = spawn(plugin_, access, ends[1]);
    ::close(ends[1]);
    output_.assign(ends[0]);
    if (pid_ < 0) trouble = std::strerror(-pid_);
  }
  if (trouble.empty()) {
    const int exit = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    if (exit < 0) trouble = std::strerror(errno);
    if (exit >= 0) exit_.assign(exit);
  }
  if (!trouble.empty()) {
    const std::string hint = plugin_.install_hint.empty() ? "" : "; " + plugin_.install_hint;
    asio::post(loop, [self = shared_from_this(), text = trouble + hint] { self->end(text); });
    return;
  }
  patience_.expires_after(patience);
  patience_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->end("it does not end; it was killed");
  });
  read();
}

void ExecRun::Child::stop() {
  done_ = nullptr;
  end("");
}

void ExecRun::Child::read() {
  output_.async_read_some(asio::buffer(part_), [self = shared_from_this()](error_code error, size_t got) {
    if (!self->done_) return;
    self->text_.append(self->part_.data(), got);
    if (self->text_.size() > kOutputBytes) return self->end("it printed more than 1 MiB");
    if (error == asio::error::eof) return self->await_exit();
    if (error) return self->end(error.message());
    self->read();
  });
}

void ExecRun::Child::await_exit() {
  exit_.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](error_code error) {
    if (!self->done_) return;
    if (error) return self->end(error.message());
    const int status = self->reap();
    if (status != 0) return self->end(fmt::format("it ended with status {}", status));
    auto answer = parse_exec_answer(self->text_, self->plugin_.api_version);
    if (!answer) return self->end("what it printed is no credential: " + answer.error().message());
    self->patience_.cancel();
    std::exchange(self->done_, nullptr)(std::move(*answer));
  });
}

// The exit status, 128 + signal as a shell says it.
int ExecRun::Child::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void ExecRun::Child::end(const std::string& trouble) {
  error_code ignored;
  output_.close(ignored);
  exit_.close(ignored);
  patience_.cancel();
  kill_group();
  if (pid_ > 0) reap();
  if (!done_) return;
  std::exchange(done_, nullptr)(base::Error(fmt::format("the credential plug-in {}: {}", plugin_.command, trouble)));
}

}  // namespace narthex::controller
