// Goes through the members of a value, one by one and in a fixed order: what snapshots are written and read
// by, and what they are named by. A class tells its members by
//
//   static auto members(auto& self) { return std::tie(self.a, self.b); }
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/array.h"
#include "base/checksum.h"
#include "base/ids.h"

namespace rle {

// io: number(value), array(Array), size(container) and present(pointer or optional), which a reader fills and
// others look at. Takes numbers, enums, ids, texts, Arrays; vectors, optionals and shared pointers of what it
// takes; classes with `members`.
template <typename Io, typename T>
struct MemberVisit;

template <typename Io, typename T>
void visit_members(Io& io, T& value) {
  MemberVisit<Io, std::remove_const_t<T>>::visit(io, value);
}

template <typename Io, typename T>
struct MemberVisit {
  static void visit(Io& io, auto& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>)
      io.number(value);
    else
      std::apply([&](auto&... members) { (visit_members(io, members), ...); }, T::members(value));
  }
};

template <typename Io, typename Tag, typename Rep>
struct MemberVisit<Io, StrongId<Tag, Rep>> {
  static void visit(Io& io, auto& id) { io.number(id.value); }
};

template <typename Io, typename T>
struct MemberVisit<Io, Array<T>> {
  static void visit(Io& io, auto& values) { io.array(values); }
};

template <typename Io>
struct MemberVisit<Io, std::string> {
  static void visit(Io& io, auto& text) {
    io.size(text);
    for (auto& c : text) io.number(c);
  }
};

template <typename Io, typename T>
struct MemberVisit<Io, std::vector<T>> {
  static void visit(Io& io, auto& values) {
    io.size(values);
    for (auto& value : values) visit_members(io, value);
  }
};

template <typename Io, typename T>
struct MemberVisit<Io, std::optional<T>> {
  static void visit(Io& io, auto& value) {
    if (io.present(value)) visit_members(io, *value);
  }
};

template <typename Io, typename T>
struct MemberVisit<Io, std::shared_ptr<const T>> {
  static void visit(Io& io, auto& value) {
    if (io.present(value)) visit_members(io, const_cast<std::conditional_t<Io::kReads, T, const T>&>(*value));
  }
};

// Of all members of all values, with the sizes of containers.
class MemberChecksum {
 public:
  static constexpr bool kReads = false;
  void number(const auto& value) { sum_.update(&value, sizeof value); }
  void size(const auto& container) { number(container.size()); }
  bool present(const auto& value) {
    const bool there = static_cast<bool>(value);
    number(there);
    return there;
  }
  template <typename T>
  void array(const Array<T>& values) {
    size(values);
    sum_.update(values.data(), values.size() * sizeof(T));
  }
  uint64_t value() const { return sum_.value(); }

 private:
  Checksum sum_;
};

template <typename... Values>
uint64_t checksum_of(const Values&... values) {
  MemberChecksum sum;
  (visit_members(sum, values), ...);
  return sum.value();
}

}  // namespace rle
