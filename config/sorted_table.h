// Tables of things with a name, put in order by the compiler: rows stand where people look for them, and are found by
// halving. Pure; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace narthex::config {

// The parts one after the other, as they stand.
template <typename Row, size_t... kSizes>
constexpr auto joined(const std::array<Row, kSizes>&... parts) {
  std::array<Row, (kSizes + ...)> all;
  auto end = all.begin();
  ((end = std::copy(parts.begin(), parts.end(), end)), ...);
  return all;
}

template <typename Row, size_t kSize>
constexpr auto sorted_by_name(std::array<Row, kSize> rows) {
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.name < b.name; });
  return rows;
}

// Sorted, and no name twice.
template <typename Row>
constexpr bool is_sorted_by_name(std::span<const Row> rows) {
  const auto unsorted = [](const Row& a, const Row& b) { return a.name >= b.name; };
  return std::adjacent_find(rows.begin(), rows.end(), unsorted) == rows.end();
}

// Null: no row has that name. REQUIRES: is_sorted_by_name(rows).
template <typename Row>
constexpr const Row* find_by_name(std::span<const Row> rows, std::string_view name) {
  const auto found = std::lower_bound(rows.begin(), rows.end(), name,
                                      [](const Row& row, std::string_view wanted) { return row.name < wanted; });
  return found != rows.end() && found->name == name ? &*found : nullptr;
}

}  // namespace narthex::config
