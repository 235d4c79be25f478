#include "test/support/simulation/talk.h"

#include <algorithm>
#include <optional>

#include "base/hash.h"
#include "base/text.h"
#include "test/support/backend.h"

namespace narthex::simulation {
namespace {

using test::Head;
using test::NetworkError;
using test::Response;

const std::string k101 = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

// Bytes that have arrived, as a stream that ends behind them.
class Arrived final : public test::Stream {
 public:
  explicit Arrived(std::string_view bytes) : bytes_(bytes) {}
  size_t read_some(std::span<char> into) override {
    const size_t count = bytes_.copy(into.data(), into.size());
    bytes_.remove_prefix(count);
    return count;
  }
  void write_all(std::string_view) override {}
  int fd() const override { return -1; }

 private:
  std::string_view bytes_;
};

// Calls `read` with a connection that holds `bytes`; where that works out they are gone from the front.
template <class Read>
auto take(std::string_view& bytes, Read read) -> std::optional<decltype(read(std::declval<test::Connection&>()))> {
  test::Connection connection(std::make_unique<Arrived>(bytes));
  try {
    auto result = read(connection);
    bytes.remove_prefix(bytes.size() - connection.read_to_end().size());
    return result;
  } catch (const NetworkError&) {
    return std::nullopt;
  }
}

std::optional<Response> take_answer(std::string_view& bytes, const Ask& ask) {
  if (bytes.empty()) return std::nullopt;
  return take(bytes, [&ask](test::Connection& from) { return test::read_response(from, ask.method); });
}

size_t bytes_of(std::string_view target) {
  const size_t at = target.find("bytes=");
  return at == target.npos ? 20 : base::parse_decimal(target.substr(at + 6)).value_or(20);
}

bool is_own_fault(const Response& answer, const Ask& ask) {
  switch (answer.status) {
    case 408:
    case 502:
    case 503:
    case 504:
      break;
    default:
      return false;
  }
  const std::string words = std::to_string(answer.status) + " " + answer.head.start_line.substr(13);
  const std::string body = "<!doctype html><title>" + words + "</title>\n" + words + "\n";
  return answer.value("Content-Type") == "text/html" && (ask.method == "HEAD" || answer.body == body);
}

// As much of a body as arrived.
std::string partial_body(const Head& head, std::string_view rest) {
  if (!head.has("Transfer-Encoding")) return std::string(rest);
  std::string body;
  for (size_t end; (end = rest.find("\r\n")) != rest.npos;) {
    const size_t size = std::stoul(std::string(rest.substr(0, end)), nullptr, 16);
    rest.remove_prefix(end + 2);
    body += rest.substr(0, size);
    if (size == 0 || rest.size() < size + 2) break;
    rest.remove_prefix(size + 2);
  }
  return body;
}

// "": `bytes` are the beginning of the answer to `ask`, or of one of our own.
std::string judge_cut(std::string_view bytes, const Ask& ask) {
  constexpr std::string_view kBegin = "HTTP/1.1 ";
  while (bytes.starts_with("HTTP/1.1 10") && !bytes.starts_with("HTTP/1.1 101")) {
    const size_t end = bytes.find("\r\n\r\n");
    if (end == bytes.npos) return "";
    bytes.remove_prefix(end + 4);
  }
  if (!bytes.starts_with(kBegin.substr(0, bytes.size()))) return "no answer: " + std::string(bytes.substr(0, 80));
  const size_t end = bytes.find("\r\n\r\n");
  if (end == bytes.npos) return "";
  const Head head = test::parse_head(std::string(bytes.substr(0, end + 4)));
  const std::string body = partial_body(head, bytes.substr(end + 4));
  const auto begins = [&](const std::string& whole) {
    const bool length_fits =
        !head.has("Content-Length") || head.value("Content-Length") == std::to_string(whole.size());
    return whole.starts_with(body) && length_fits;
  };
  const std::string status = head.start_line.substr(9, 3);
  if (status == std::to_string(ask.status) && begins(ask.body)) return "";
  if (begins(head.start_line.substr(9) + "\n")) return "";
  return "cut and wrong: " + head.raw + body.substr(0, 80);
}

// Bytes may come one at a time: those that cannot be the whole of a message with that body are not read again and again.
bool may_be_whole(std::string_view bytes, std::string_view body) {
  constexpr size_t kFew = 2048, kTail = 8;
  return bytes.size() < kFew || bytes.ends_with("\r\n\r\n") ||
         bytes.ends_with(body.substr(body.size() - std::min(body.size(), kTail)));
}

std::string request_line(const std::string& method, const std::string& target, const std::string& more) {
  return method + " " + target + " HTTP/1.1\r\nHost: example.com\r\n" + more;
}

std::string chunks(std::string_view body) {
  std::string text;
  for (size_t part = 1; !body.empty(); part = part * 3 + 1) {
    const std::string_view chunk = body.substr(0, part);
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
    text += size + std::string(chunk) + "\r\n";
    body.remove_prefix(chunk.size());
  }
  return text + "0\r\nX-Sum: 7\r\n\r\n";
}

}  // namespace

std::string page(std::string_view target) { return test::pattern(bytes_of(target), base::hash(target)); }
std::string form(std::string_view target) { return test::pattern(bytes_of(target), base::hash(target) + 1); }

Ask get(const std::string& target, const std::string& more_fields) {
  return {.wire = request_line("GET", target, more_fields) + "\r\n", .body = page(target)};
}

Ask head(const std::string& target) {
  return {.wire = request_line("HEAD", target, "") + "\r\n", .method = "HEAD", .body = ""};
}

Ask post(const std::string& target, Form how) {
  Ask ask{.method = "POST", .body = page(target)};
  const std::string length = "Content-Length: " + std::to_string(bytes_of(target)) + "\r\n";
  if (how == Form::whole) ask.wire = request_line("POST", target, length) + "\r\n" + form(target);
  if (how == Form::chunked)
    ask.wire = request_line("POST", target, "Transfer-Encoding: chunked\r\n") + "\r\n" + chunks(form(target));
  if (how == Form::expecting) {
    ask.wire = request_line("POST", target, length + "Expect: 100-continue\r\n") + "\r\n";
    ask.later = form(target);
  }
  return ask;
}

Ask websocket(const std::string& text) {
  const std::string fields =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n";
  return {.wire = request_line("GET", "/chat", fields), .later = text, .status = 101, .body = text};
}

std::string judge(const Heard& heard, const std::vector<Ask>& asks, bool harmed) {
  std::string_view rest = heard.bytes;
  bool over = false;
  for (const Ask& ask : asks) {
    const std::string_view before = rest;
    std::optional<Response> answer = over ? std::nullopt : take_answer(rest, ask);
    if (answer && answer->until_close && (heard.broken || !heard.ended)) answer.reset();
    if (answer && answer->status == 101) {
      answer->body = std::string(rest);
      rest = {};
      if (harmed && ask.body.starts_with(answer->body)) return "";
    }
    if (!answer) {
      if (!harmed) return "no whole answer: " + std::string(before.substr(0, 200));
      if (!heard.ended && !heard.broken) return "neither an answer nor the end";
      return over && !before.empty() ? "bytes behind the last answer" : judge_cut(before, ask);
    }
    const bool right = answer->status == ask.status && answer->body == ask.body;
    if (!right && !(harmed && is_own_fault(*answer, ask)))
      return "wrong: " + answer->head.raw + answer->body.substr(0, 200);
    over = answer->head.has_token("Connection", "close") || answer->until_close;
  }
  return rest.empty() ? "" : "bytes behind the last answer: " + std::string(rest.substr(0, 200));
}

void Pod::on_change(Peer& peer) {
  while (serve_one(peer)) {
  }
}

// False: nothing whole is left to serve.
bool Pod::serve_one(Peer& peer) {
  std::string_view rest = std::string_view(peer.received()).substr(peer.parsed);
  if (rest.empty() || peer.finishing()) return false;
  const std::string_view all = rest;
  const bool chatting = peer.received().starts_with("GET /chat ") && peer.parsed > 0;
  if (chatting) {
    peer.send(rest);
    peer.parsed += rest.size();
    return false;
  }
  const size_t head_end = rest.find("\r\n\r\n");
  if (head_end == rest.npos) return false;
  const Head head = test::parse_head(std::string(rest.substr(0, head_end + 4)));
  const std::vector<std::string_view> words = base::split(head.start_line, ' ');
  const std::string target(words.size() == 3 ? words[1] : "");
  rest.remove_prefix(head_end + 4);
  if (head.value("Host") != "example.com" || head.value("X-Real-IP") != "192.0.2.7") complaints.push_back(head.raw);
  if (words[0] == "POST" && !target.starts_with("/busy")) {
    if (!may_be_whole(rest, form(target))) return false;
    const auto whole = take(rest, [&](test::Connection& from) {
      std::vector<test::Field> trailers;
      return head.has("Transfer-Encoding") ? from.read_chunked(trailers) : from.read_exactly(form(target).size());
    });
    if (!whole) return false;
    if (*whole != form(target)) complaints.push_back("a wrong body: " + head.raw);
    ++forms;
  }
  peer.parsed += all.size() - rest.size();
  answer(peer, head, target);
  return true;
}

void Pod::answer(Peer& peer, const Head& head, const std::string& target) {
  const std::string body = page(target);
  const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  const bool used_before = peer.parsed > head.raw.size();
  if (target.starts_with("/stale") && used_before) return peer.reset();
  if (target.starts_with("/chat")) return peer.send(k101);
  if (target.starts_with("/busy")) {
    peer.send("HTTP/1.1 413 Scripted\r\nConnection: close\r\n" + length + body);
    return peer.finish();
  }
  if (target.starts_with("/until")) {
    peer.send("HTTP/1.0 200 OK\r\n\r\n" + body);
    return peer.finish();
  }
  if (target.starts_with("/stream"))
    return peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(body));
  peer.send("HTTP/1.1 200 OK\r\n" + length + (head.start_line.starts_with("HEAD ") ? "" : body));
}

std::string Visit::next(const std::string& heard_bytes) {
  std::string_view rest = heard_bytes;
  size_t answered = 0;
  if (sent_ > 0 && !may_be_whole(rest, asks_[sent_ - 1].body)) return "";
  while (answered < sent_ && take_answer(rest, asks_[answered])) ++answered;
  std::string out;
  if (later_sent_ < sent_ && (answered < sent_ ? rest : heard_bytes).starts_with("HTTP/1.1 10")) {
    out = asks_[sent_ - 1].later;
    later_sent_ = sent_;
  }
  while (sent_ < asks_.size() && (pipelined_ || answered == sent_)) {
    out += asks_[sent_++].wire;
    if (!pipelined_) break;
  }
  return out;
}

namespace {

class PlainVisit final : public Visit {
 public:
  PlainVisit(Peer& client, std::vector<Ask> asks, bool pipelined) : Visit(std::move(asks), pipelined), client_(client) {
    client_.on_change = [this](Peer&) { client_.send(next(client_.received())); };
    client_.send(next(""));
  }
  Heard heard() const override { return {client_.received(), client_.ended(), client_.was_reset()}; }

 private:
  Peer& client_;
};

}  // namespace

std::unique_ptr<Visit> visit(Peer& client, std::vector<Ask> asks, bool pipelined) {
  return std::make_unique<PlainVisit>(client, std::move(asks), pipelined);
}

}  // namespace narthex::simulation
