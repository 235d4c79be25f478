// Task<T>: a result that is there already, or a coroutine that will give it to whoever awaits it.
// A coroutine runs at once up to its first wait, so that a step whose data is already there costs no suspension, and that
// loops over such steps never grow the stack. A function that may find its result without waiting is a plain one that returns
// the result itself, and calls a coroutine only for the rest: then no frame is made. Frames come from per-thread free lists. THREAD: a task stays on the worker that started it. A resource with
// one owner; destroying an unfinished task destroys the tasks that it waits for (only done when a worker stops).
#pragma once

#include <coroutine>
#include <cstddef>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace narthex::proxy {

// Frames for reuse, one list per size class. LIMIT: frames up to 4 KiB are recycled; larger ones (none today) go to the heap.
namespace frames {

struct Free {
  Free* next;
};
inline constexpr size_t kStep = 64, kLargest = 4096;
inline constexpr size_t class_of(size_t bytes) { return (bytes + kStep - 1) / kStep; }
extern constinit thread_local Free* lists[class_of(kLargest) + 1];
void* from_heap(size_t bytes);

inline void* allocate(size_t bytes) {
  if (bytes > kLargest || !lists[class_of(bytes)]) return from_heap(bytes);
  return std::exchange(lists[class_of(bytes)], lists[class_of(bytes)]->next);
}
inline void release(void* frame, size_t bytes) noexcept {
  if (bytes > kLargest) return ::operator delete(frame);
  lists[class_of(bytes)] = ::new (frame) Free{lists[class_of(bytes)]};
}

}  // namespace frames

[[noreturn]] void die_of_exception() noexcept;

template <typename T>
class [[nodiscard]] Task;

struct TaskPromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();

  static void* operator new(size_t bytes) { return frames::allocate(bytes); }
  static void operator delete(void* frame, size_t bytes) noexcept { frames::release(frame, bytes); }

  struct Final {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      return self.promise().continuation;
    }
    void await_resume() const noexcept {}
  };
  std::suspend_never initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() const noexcept { die_of_exception(); }
};

template <typename T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  void return_value(T result) { value.emplace(std::move(result)); }
  T take() { return std::move(*value); }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void take() const noexcept {}
};

template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task(T result) : result_(std::move(result)) {}
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), result_(std::move(other.result_)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool done() const { return !handle_ || handle_.done(); }
  // REQUIRES: done(), and only once.
  T take() { return handle_ ? handle_.promise().take() : std::move(*result_); }

  bool await_ready() const { return done(); }
  void await_suspend(std::coroutine_handle<> waiter) { handle_.promise().continuation = waiter; }
  T await_resume() { return take(); }

 private:
  Handle handle_ = nullptr;
  std::optional<T> result_;  // without a coroutine
};

template <>
class [[nodiscard]] Task<void> {
 public:
  using promise_type = TaskPromise<void>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;  // done
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool done() const { return !handle_ || handle_.done(); }

  bool await_ready() const { return done(); }
  void await_suspend(std::coroutine_handle<> waiter) { handle_.promise().continuation = waiter; }
  void await_resume() const {}

 private:
  Handle handle_ = nullptr;
};

template <typename T>
Task<T> TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}

// What `use` makes of the task's result, at once where that is there already.
template <typename T, typename Use>
auto then(Task<T> task, Use use) -> Task<std::invoke_result_t<Use, T>> {
  if (task.done()) return use(task.take());
  return [](Task<T> pending, Use later) -> Task<std::invoke_result_t<Use, T>> {
    co_return later(co_await pending);
  }(std::move(task), std::move(use));
}

}  // namespace narthex::proxy
