// What may become of a system call, and who decides it: nobody, a schedule that makes one call fail, or chance.
// Values and an interface without fields. THREAD: the worker's while it runs, else the test's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <utility>

namespace narthex::simulation {

enum class Call : uint8_t { accept, socket, connect, watch, recv, send, splice_out, splice_in, pipe };

enum class ConnectCourse : uint8_t { ordinary, at_once, refused_later, never };

// All at its default: the call goes its ordinary way.
struct Outcome {
  const char* name = "";
  bool harmless = true;    // whoever handles it right loses nothing
  int error = 0;           // the call fails with this errno
  size_t most = SIZE_MAX;  // it moves this many bytes at the most
  bool end = false;        // recv, splice_out: the peer's end instead of bytes
  ConnectCourse course = ConnectCourse::ordinary;
};

// Everything out of the ordinary that may become of that call.
std::span<const Outcome> ills_of(Call call);
const char* to_text(Call call);

class Fate {
 public:
  virtual ~Fate() = default;
  virtual Outcome of(Call call) = 0;
  // Whether the peers act before the worker takes what is ready.
  virtual bool peers_first() { return false; }
};

// As the test says.
class Chosen final : public Fate {
 public:
  explicit Chosen(std::function<Outcome(Call)> choose) : choose_(std::move(choose)) {}
  Outcome of(Call call) override { return choose_(call); }

 private:
  const std::function<Outcome(Call)> choose_;
};

// Bytes move one at a time.
class Drip final : public Fate {
 public:
  Outcome of(Call call) override;
};

// The n-th call (from 0) meets the i-th of its ills; all others go well.
class NthCall final : public Fate {
 public:
  // `spare_ends`: without the ends, for answers that go up to the end, where nobody could tell.
  NthCall(uint64_t nth, size_t ill, bool spare_ends) : nth_(nth), ill_(ill), spare_ends_(spare_ends) {}
  Outcome of(Call call) override;
  // There was an n-th call at all.
  bool reached() const { return seen_ > nth_; }
  // It had an i-th ill.
  bool met() const { return !text_.empty(); }
  // "recv #12: ECONNRESET".
  const std::string& text() const { return text_; }

 private:
  const uint64_t nth_;
  const size_t ill_;
  const bool spare_ends_;
  uint64_t seen_ = 0;
  std::string text_;
};

// Each call meets one of its harmless ills with probability `harmless`, one of the others with probability `harmful`.
class Chance final : public Fate {
 public:
  Chance(uint64_t seed, double harmless, double harmful, bool spare_ends)
      : random_(seed), harmless_(harmless), harmful_(harmful), spare_ends_(spare_ends) {}
  Outcome of(Call call) override;
  bool peers_first() override { return random_() % 2 == 0; }

 private:
  bool happens(double probability);

  std::mt19937_64 random_;
  const double harmless_, harmful_;
  const bool spare_ends_;
};

}  // namespace narthex::simulation
