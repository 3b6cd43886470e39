// For randomised tests: damage to bytes and to JSON trees, drawn from a stream.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"

namespace rle::fuzz_testing {

template <typename T>
T pick(RngStream& random, std::initializer_list<T> choices) {
  return choices.begin()[random.below(choices.size())];
}
inline bool chance(RngStream& random, uint64_t one_in) { return random.below(one_in) == 0; }

// Small, at the limits of a type, or anything.
inline int64_t odd_integer(RngStream& random) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max(), kMin = std::numeric_limits<int64_t>::min();
  const int64_t edge = pick<int64_t>(random, {0, 127, 255, 32767, 65535, INT32_MAX, UINT32_MAX,
                                              int64_t{1} << 53, int64_t{1} << 40, kMax - 1, kMin + 1});
  switch (random.below(4)) {
    case 0:
      return static_cast<int64_t>(random.below(16)) - 4;
    case 1:
      return static_cast<int64_t>(random.next());
    default:
      return edge + pick<int64_t>(random, {-1, 0, 1});
  }
}

// One to six edits: bytes overwritten, bits flipped, pieces left out, doubled or moved, a word put in, the
// end cut off.
inline std::string damaged(std::string bytes, const std::vector<std::string_view>& words, RngStream& random) {
  const uint64_t edits = 1 + random.below(6);
  for (uint64_t i = 0; i < edits && !bytes.empty(); ++i) {
    const size_t at = random.below(bytes.size());
    const size_t length = 1 + random.below(chance(random, 4) ? bytes.size() : 12);
    switch (random.below(8)) {
      case 0:
        bytes[at] = static_cast<char>(random.next());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
      case 2:
        bytes.erase(at, length);
        break;
      case 3:
        bytes.insert(random.below(bytes.size()), bytes.substr(at, std::min<size_t>(length, 4096)));
        break;
      case 4:
        if (chance(random, 4)) bytes.resize(at);
        break;
      case 5:
        bytes.insert(at, std::to_string(odd_integer(random)));
        break;
      default:
        if (!words.empty())
          bytes.replace(at, chance(random, 2) ? length : 0, words[random.below(words.size())]);
    }
  }
  return bytes;
}

// Some values of a JSON tree (nlohmann::json) replaced by another of any kind, copied elsewhere or taken out.
template <typename Json>
void collect(Json& node, std::vector<Json*>& nodes) {
  nodes.push_back(&node);
  if (node.is_structured())
    for (Json& child : node) collect(child, nodes);
}
template <typename Json>
void damage_tree(Json& root, RngStream& random) {
  for (uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
    std::vector<Json*> nodes;
    collect(root, nodes);
    Json& node = *nodes[random.below(nodes.size())];
    const Json other = *nodes[random.below(nodes.size())];
    switch (random.below(8)) {
      case 0:
        node = pick<Json>(random, {Json(nullptr), Json(true), Json(""), Json::array(), Json::object()});
        break;
      case 1:
        node = pick<double>(random, {0.5, -1.0, 1e308, 1e-320, 3e38, 1e39});
        break;
      case 2:
        node = other;
        break;
      case 3:
        if (!node.empty() && node.is_array()) node.erase(random.below(node.size()));
        if (!node.empty() && node.is_object()) node.erase(node.begin());
        break;
      case 4:
        if (node.is_array())
          node.push_back(node.empty() || chance(random, 2) ? other : node[random.below(node.size())]);
        break;
      case 5:
        if (node.is_string()) node = damaged(node.template get<std::string>(), {"/", "\"", "é"}, random);
        break;
      default:
        node = odd_integer(random);
    }
  }
}

}  // namespace rle::fuzz_testing
