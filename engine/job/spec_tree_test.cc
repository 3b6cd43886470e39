#include "job/spec_tree.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace rle {
namespace {

using Kind = SpecNode::Kind;

std::string yaml_error(const std::string& text) {
  try {
    parse_spec_tree(text, SpecFormat::kYaml);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSpec);
    return error.what();
  }
  return "accepted";
}

TEST(SpecTree, ReadsScalarsByTheCoreSchema) {
  const SpecNode tree = parse_spec_tree(
      "a: 12\nb: 1e-8\nc: no\nd: 2010-01-01\ne: '7'\nf: true\ng: ~\nh: 0x1f\ni: +.5\nj: 1.\nk: e1\nl: |\n  "
      "12\n",
      SpecFormat::kYaml);
  EXPECT_EQ(tree.find("a")->integer, 12);
  EXPECT_EQ(tree.find("b")->number, 1e-8);
  EXPECT_EQ(tree.find("c")->kind, Kind::kText);
  EXPECT_EQ(tree.find("d")->text, "2010-01-01");
  EXPECT_EQ(tree.find("d")->kind, Kind::kText);
  EXPECT_EQ(tree.find("e")->kind, Kind::kText);
  EXPECT_TRUE(tree.find("f")->boolean);
  EXPECT_EQ(tree.find("g")->kind, Kind::kNull);
  EXPECT_EQ(tree.find("h")->integer, 31);
  EXPECT_EQ(tree.find("i")->number, 0.5);
  EXPECT_EQ(tree.find("j")->number, 1.0);
  EXPECT_EQ(tree.find("k")->kind, Kind::kText);
  EXPECT_EQ(tree.find("l")->kind, Kind::kText);
  EXPECT_EQ(tree.find("d")->line, 4);
}

TEST(SpecTree, JsonAndYamlGiveTheSameTree) {
  const std::string text = R"({"a": [1, 2.5, "x\u00e9", null, true], "b": {"c": {}}})";
  for (const SpecFormat format : {SpecFormat::kYaml, SpecFormat::kJson}) {
    const SpecNode tree = parse_spec_tree(text, format);
    const SpecNode& a = *tree.find("a");
    ASSERT_EQ(a.items.size(), 5u);
    EXPECT_EQ(a.items[0].integer, 1);
    EXPECT_EQ(a.items[1].number, 2.5);
    EXPECT_EQ(a.items[2].text, "xé");
    EXPECT_EQ(a.items[3].kind, Kind::kNull);
    EXPECT_TRUE(a.items[4].boolean);
    EXPECT_EQ(tree.find("b")->find("c")->kind, Kind::kMap);
  }
}

TEST(SpecTree, RefusesWhatIsAmbiguousOrHostile) {
  EXPECT_EQ(yaml_error("a: 1\nb: 2\na: 3\n"), "line 3: the key 'a' is written twice; keep one");
  EXPECT_NE(yaml_error("a: &x 1\nb: *x\n").find("line 1: anchors"), std::string::npos);
  EXPECT_NE(yaml_error("a: !!str 1\n").find("line 1: tags"), std::string::npos);
  EXPECT_NE(yaml_error("a: [1, 2\nb: 3\n").find("not YAML"), std::string::npos);
  EXPECT_NE(yaml_error("a: 1\n---\nb: 2\n").find("more than one YAML document"), std::string::npos);
  EXPECT_NE(yaml_error("? [1, 2]\n: 3\n").find("key must be a plain text"), std::string::npos);
  EXPECT_NE(yaml_error("a: .inf\n").find("is no number"), std::string::npos);
  EXPECT_NE(yaml_error("a: 1e999\n").find("too large"), std::string::npos);
  EXPECT_EQ(yaml_error("a: \xff\xfe\n"), "not UTF-8 text");
  EXPECT_EQ(yaml_error(std::string("a: b\0c", 6)), "not UTF-8 text");
  EXPECT_NE(yaml_error("a: \"b\\0c\"\n").find("zero byte"), std::string::npos);
  EXPECT_NE(yaml_error(std::string(kMaxSpecBytes + 1, ' ')).find("at most"), std::string::npos);
}

TEST(SpecTree, RefusesDepthInBothFormats) {
  const std::string deep = std::string(kMaxSpecDepth + 1, '[') + std::string(kMaxSpecDepth + 1, ']');
  const std::string fits = std::string(kMaxSpecDepth, '[') + std::string(kMaxSpecDepth, ']');
  for (const SpecFormat format : {SpecFormat::kYaml, SpecFormat::kJson}) {
    EXPECT_THROW(parse_spec_tree(deep, format), Error);
    EXPECT_NO_THROW(parse_spec_tree(fits, format));
    EXPECT_THROW(parse_spec_tree(std::string(1'000'000, '['), format), Error);
  }
}

TEST(SpecTree, JsonErrorsNameThePlace) {
  try {
    parse_spec_tree("{\"a\": 1,\n \"b\": }", SpecFormat::kJson);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("not JSON: parse error at line 2, column"), std::string::npos);
  }
  EXPECT_THROW(parse_spec_tree("{\"a\": 1, \"a\": 2}", SpecFormat::kJson), Error);
}

TEST(SpecTree, OverridesReplaceAndAdd) {
  SpecNode tree = parse_spec_tree("tables:\n  t: {source: a}\nlist: [1, 2]\n", SpecFormat::kYaml);
  apply_override(tree, "tables.t.source=b=c");
  apply_override(tree, "config.fanouts=[64, 32]");
  apply_override(tree, "config.lr=0.01");
  apply_override(tree, "list.1=x");
  EXPECT_EQ(tree.find("tables")->find("t")->find("source")->text, "b=c");
  EXPECT_EQ(tree.find("config")->find("fanouts")->items.size(), 2u);
  EXPECT_EQ(tree.find("config")->find("lr")->number, 0.01);
  EXPECT_EQ(tree.find("list")->items[1].text, "x");
}

TEST(SpecTree, OverridesOffTheTreeAreRefused) {
  const auto error = [](const char* text) {
    SpecNode tree = parse_spec_tree("tables:\n  drivers: {source: a}\nlist: [1]\n", SpecFormat::kYaml);
    try {
      apply_override(tree, text);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(error("config.lr").find("expected PATH=VALUE"), std::string::npos);
  EXPECT_NE(error("tables.driver.source=b").find("did you mean 'drivers'?"), std::string::npos);
  EXPECT_NE(error("confg.lr=1").find("has no 'confg'"), std::string::npos);
  EXPECT_NE(error("list.1=2").find("no position of a list of 1 items"), std::string::npos);
  EXPECT_NE(error("tables.drivers.source.x=2").find("inside the text 'a'"), std::string::npos);
  EXPECT_NE(error("config.lr=[1").find("--set config.lr: "), std::string::npos);
}

TEST(SpecTree, Utf8) {
  EXPECT_TRUE(is_utf8_text("aé€😀"));
  EXPECT_FALSE(is_utf8_text("\xc0\xaf"));          // overlong
  EXPECT_FALSE(is_utf8_text("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8_text("\xf4\x90\x80\x80"));  // beyond U+10FFFF
  EXPECT_FALSE(is_utf8_text("\xe2\x82"));          // cut off
}

}  // namespace
}  // namespace rle
