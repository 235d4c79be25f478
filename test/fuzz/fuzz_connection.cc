// A whole client connection in the simulated kernel: the input's bytes up to a record separator (0x1e) come from the
// client, those behind it from every pod that is asked.
// Invariant: whatever both say, pods get well-formed requests only, one behind the other; the client gets well-formed
// heads only; nothing hangs beyond its time-outs, and nothing is left behind.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "proxy/h1_codec.h"
#include "test/support/simulation/rig.h"

using narthex::base::check;
using namespace narthex::proxy;
using narthex::simulation::Peer;
using narthex::simulation::Rig;

namespace {

// Removes a body from the front. False: it is not whole, or there is no telling where it ends.
bool skip_body(std::string_view& bytes, const Framing& framing) {
  if (framing.kind == BodyKind::none) return true;
  if (framing.kind == BodyKind::length) {
    const bool whole = bytes.size() >= framing.length;
    if (whole) bytes.remove_prefix(framing.length);
    return whole;
  }
  ChunkedReader reader;
  for (;;) {
    const ChunkedReader::Step step = reader.next(bytes);
    check(step.state != ChunkedReader::State::malformed, "a pod gets a well-formed body");
    bytes.remove_prefix(step.consumed);
    if (step.state == ChunkedReader::State::end) return true;
    if (step.state == ChunkedReader::State::more) return false;
  }
}

void check_upstream(std::string_view bytes) {
  RequestHead head;
  while (!bytes.empty()) {
    size_t scanned = 0;
    const HeadResult result = read_request_head(bytes, scanned, head);
    check(result.state != HeadState::refused, "a pod gets a well-formed request");
    if (result.state == HeadState::incomplete) return;
    check(head.fields.find(FieldId::x_real_ip) != nullptr, "a pod is told where a request came from");
    bytes.remove_prefix(result.bytes);
    if (head.wants_websocket || !skip_body(bytes, head.framing)) return;  // what follows may be a tunnel's
  }
}

void check_client(std::string_view bytes) {
  ResponseHead head;
  while (!bytes.empty()) {
    size_t scanned = 0;
    const HeadResult result = read_response_head(bytes, scanned, {.to_head = false, .sent_upgrade = true}, head);
    check(result.state != HeadState::refused, "a client gets a well-formed head");
    if (result.state == HeadState::incomplete || head.status >= 200 || head.upgraded) return;
    bytes.remove_prefix(result.bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static Rig& rig = *new Rig(2);  // for good: it ends with the process
  const std::string_view input(reinterpret_cast<const char*>(bytes), std::min<size_t>(size, 200'000));
  const size_t border = std::min(input.find('\x1e'), input.size());
  const std::string_view says = input.substr(0, border), answer = input.substr(std::min(border + 1, input.size()));
  rig.set_handler([&](Peer& pod) {
    if (pod.parsed++ != 0) return;
    pod.send(answer);
    if (answer.size() % 2 == 0) pod.finish();
  });
  Peer& client = rig.connect();
  // In pieces that follow from the input.
  client.step_bytes = 1 + (size * 31 + border) % 257;
  client.send(says);
  rig.settle();
  client.step_bytes = SIZE_MAX;
  rig.settle();
  const std::string left = rig.leftovers();
  check(left.empty(), left);
  check(client.closed(), "a client's connection ends");
  check_client(client.received());
  for (const Peer* pod : rig.upstreams()) check_upstream(pod->received());
  rig.forget();
  return 0;
}
