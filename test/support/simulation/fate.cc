#include "test/support/simulation/fate.h"

#include <array>
#include <cerrno>
#include <vector>

namespace narthex::simulation {
namespace {

constexpr Outcome fails(const char* name, int error, bool harmless = false) {
  return {.name = name, .harmless = harmless, .error = error};
}
constexpr Outcome kTrickle = {.name = "one byte", .most = 1};
constexpr Outcome kEnd = {.name = "the end", .harmless = false, .end = true};

// accept(2): errors that wait on the new connection come with the call that takes it; the next one may follow at once.
constexpr std::array kAccept = {
    fails("EMFILE", EMFILE, true),       fails("ENFILE", ENFILE, true), fails("ENOBUFS", ENOBUFS, true),
    fails("ENOMEM", ENOMEM, true),       fails("EINTR", EINTR, true),   fails("EAGAIN", EAGAIN, true),
    fails("ECONNABORTED", ECONNABORTED), fails("EPROTO", EPROTO),       fails("EPERM", EPERM),
    fails("ENETDOWN", ENETDOWN),
};
constexpr std::array kSocket = {fails("EMFILE", EMFILE), fails("ENOBUFS", ENOBUFS)};
constexpr std::array kConnect = {
    Outcome{.name = "at once", .course = ConnectCourse::at_once},
    Outcome{.name = "refused later", .harmless = false, .course = ConnectCourse::refused_later},
    Outcome{.name = "never", .harmless = false, .course = ConnectCourse::never},
    fails("ECONNREFUSED", ECONNREFUSED),
    fails("EADDRNOTAVAIL", EADDRNOTAVAIL),
    fails("ENETUNREACH", ENETUNREACH),
};
constexpr std::array kWatch = {fails("ENOSPC", ENOSPC), fails("ENOMEM", ENOMEM)};
constexpr std::array kRecv = {
    kTrickle,
    fails("EAGAIN", EAGAIN, true),
    fails("EINTR", EINTR, true),
    fails("ECONNRESET", ECONNRESET),
    fails("ETIMEDOUT", ETIMEDOUT),
    kEnd,
};
constexpr std::array kSend = {
    kTrickle,
    fails("EAGAIN", EAGAIN, true),
    fails("EINTR", EINTR, true),
    fails("EPIPE", EPIPE),
    fails("ECONNRESET", ECONNRESET),
};
constexpr std::array kSpliceOut = {kTrickle, fails("EAGAIN", EAGAIN, true), fails("ECONNRESET", ECONNRESET), kEnd};
constexpr std::array kSpliceIn = {kTrickle, fails("EAGAIN", EAGAIN, true), fails("EPIPE", EPIPE)};
constexpr std::array kPipe = {fails("EMFILE", EMFILE, true)};

}  // namespace

std::span<const Outcome> ills_of(Call call) {
  switch (call) {
    case Call::accept:
      return kAccept;
    case Call::socket:
      return kSocket;
    case Call::connect:
      return kConnect;
    case Call::watch:
      return kWatch;
    case Call::recv:
      return kRecv;
    case Call::send:
      return kSend;
    case Call::splice_out:
      return kSpliceOut;
    case Call::splice_in:
      return kSpliceIn;
    case Call::pipe:
      return kPipe;
  }
  return {};
}

const char* to_text(Call call) {
  switch (call) {
    case Call::accept:
      return "accept";
    case Call::socket:
      return "socket";
    case Call::connect:
      return "connect";
    case Call::watch:
      return "epoll_ctl";
    case Call::recv:
      return "recv";
    case Call::send:
      return "send";
    case Call::splice_out:
      return "splice from a socket";
    case Call::splice_in:
      return "splice to a socket";
    case Call::pipe:
      return "pipe";
  }
  return "unknown";
}

Outcome Drip::of(Call call) {
  for (const Outcome& ill : ills_of(call))
    if (ill.most == 1) return ill;
  return {};
}

Outcome NthCall::of(Call call) {
  if (seen_++ != nth_) return {};
  const std::span<const Outcome> ills = ills_of(call);
  if (ill_ >= ills.size()) return {};
  text_ = std::string(to_text(call)) + " #" + std::to_string(nth_) + ": " + ills[ill_].name;
  return spare_ends_ && ills[ill_].end ? Outcome{} : ills[ill_];
}

bool Chance::happens(double probability) { return std::uniform_real_distribution<double>()(random_) < probability; }

Outcome Chance::of(Call call) {
  const bool harmful = happens(harmful_);
  if (!harmful && !happens(harmless_)) return {};
  std::vector<Outcome> fitting;
  for (const Outcome& ill : ills_of(call))
    if (ill.harmless != harmful && !(spare_ends_ && ill.end)) fitting.push_back(ill);
  if (fitting.empty()) return {};
  Outcome chosen = fitting[random_() % fitting.size()];
  if (chosen.most == 1) chosen.most = 1 + random_() % 600;
  return chosen;
}

}  // namespace narthex::simulation
