// SPDX-License-Identifier: Apache-2.0
// Makes events like those of bench/ysb.cpp, about 254 bytes each, of which one in a hundred is hostile: not JSON, not
// UTF-8, too deep, too large, of wrong types, without a key or a time, with fields twice, with escaped names. The same
// bytes at every run.
//
//   hostile_events COUNT [SEED]
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr size_t kTooLarge = (1 << 20) + 100;
constexpr uint64_t kLargeOneIn = 500;  // of the hostile ones; each is a megabyte

using Random = std::mt19937_64;

struct Event {
  std::string ad, type, time;  // as they stand in the JSON, with quotes
  std::string more;            // fields before the last one, each with a comma behind
};

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string hex(uint64_t n, const char* format) {
  char text[40];
  std::snprintf(text, sizeof text, format, static_cast<unsigned long long>(n));
  return text;
}

Event some_event(Random& random, int64_t at) {
  static constexpr const char* kTypes[] = {"view", "click", "purchase"};
  const uint64_t ad = random() % 1000;
  return {quoted(hex(ad * 2654435761U & 0xffffffff, "%08llx") + hex(ad, "-52a0-4c4e-8f5a-%012llx")),
          quoted(kTypes[random() % 3]), quoted(std::to_string(at - static_cast<int64_t>(random() % 5000))), ""};
}

std::string text_of(const Event& e, Random& random) {
  std::string text = "{\"user_id\":\"" + hex(random() & 0xffffffff, "%08llx-1cf2-4d2c-a1b5-0000001f3a77") +
                     "\",\"page_id\":\"" + hex(random() & 0xffffffff, "%08llx-77b2-4f4c-9e3d-00000000beef") +
                     "\",\"ad_id\":" + e.ad + ",\"ad_type\":\"banner\",\"event_type\":" + e.type +
                     ",\"event_time\":" + e.time + ',' + e.more + "\"ip_address\":\"1.2.3.4\"}";
  if (text.size() < 253) text.insert(text.size() - 1, 253 - text.size(), ' ');
  return text;
}

std::string nested(size_t depth) { return "\"deep\":" + std::string(depth, '[') + std::string(depth, ']') + ','; }

void replace(std::string& text, std::string_view what, std::string_view with) {
  if (const size_t at = text.find(what); at != std::string::npos) text.replace(at, what.size(), with);
}

template <size_t N>
std::string_view any_of(const std::string_view (&choices)[N], Random& random) {
  return choices[random() % N];
}

/// Values where others are expected.
std::string odd_value(Random& random) {
  static constexpr std::string_view kValues[] = {"null",
                                                 "true",
                                                 "false",
                                                 "0",
                                                 "-0",
                                                 "-0.0",
                                                 "1e400",
                                                 "-1e400",
                                                 "1e-400",
                                                 "12345678901234567890",
                                                 "99999999999999999999",
                                                 "0.30000000000000004",
                                                 "1E+2",
                                                 "[]",
                                                 "{}",
                                                 "[1,2]",
                                                 "{\"a\":1}",
                                                 "\"\"",
                                                 "\"\\u0000\"",
                                                 "\"\\ud83d\\ude00\"",
                                                 "\"noon\"",
                                                 "\" 1700000000000\"",
                                                 "\"1700000000000 \"",
                                                 "\"1.7e12\"",
                                                 "\"-1\"",
                                                 "\"18446744073709551616\"",
                                                 "1700000000000.5",
                                                 "1.7e12",
                                                 "\"2023-11-14T22:13:20Z\""};
  return std::string(any_of(kValues, random));
}

/// Lines that are no event at all.
std::string no_event(Random& random) {
  static constexpr std::string_view kLines[] = {"",
                                                " ",
                                                "{",
                                                "}",
                                                "{}",
                                                "[]",
                                                "[1,2,3]",
                                                "null",
                                                "true",
                                                "17",
                                                "\"text\"",
                                                "nul",
                                                "{\"ad_id\"}",
                                                "{\"ad_id\":}",
                                                "{\"a\":1,}",
                                                "{,}",
                                                "{\"a\" 1}",
                                                "{'a':1}",
                                                "{\"a\":01}",
                                                "{\"a\":+1}",
                                                "{\"a\":.5}",
                                                "{\"a\":1.}",
                                                "{\"a\":1e}",
                                                "{\"a\":NaN}",
                                                "{\"a\":\"\\x\"}",
                                                "{\"a\":\"\\u12\"}",
                                                "{\"a\":\"\\ud800\"}",
                                                "{\"a\":1}{\"a\":2}",
                                                "{\"a\":1} x",
                                                "\xef\xbb\xbf{\"a\":1}",
                                                "# a comment",
                                                "{\"$streams\":\"open\"}",
                                                "[[[[[[[[",
                                                "\r",
                                                "\t{}\t"};
  return std::string(any_of(kLines, random));
}

std::string hostile(Event event, Random& random, std::string& line_end) {
  const auto break_at_random = [&](std::string_view bytes) {
    std::string text = text_of(event, random);
    text.insert(random() % text.size(), bytes);
    return text;
  };
  if (random() % kLargeOneIn == 0) {
    event.more = "\"large\":\"" + std::string(kTooLarge, 'x') + "\",";
    return text_of(event, random);
  }
  switch (random() % 24) {
    case 0: {  // cut off
      std::string text = text_of(event, random);
      text.resize(random() % text.size());
      return text;
    }
    case 1: {  // no UTF-8
      static constexpr std::string_view kBytes[] = {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"};
      return break_at_random(any_of(kBytes, random));
    }
    case 2: {  // good UTF-8, somewhere
      static constexpr std::string_view kBytes[] = {"é", "€", "😀", "\xe2\x80\xa8"};
      return break_at_random(any_of(kBytes, random));
    }
    case 3:
      return break_at_random(std::string(1, "\x01\x02\x08\t\x0b\x0c\r\x1b\x1f\x7f"[random() % 10]));
    case 4:
      return break_at_random(std::string(1, '\0'));
    case 5:
      return break_at_random(std::string(1, "\\\"{}[]:,"[random() % 8]));
    case 6:
      event.time = odd_value(random);
      break;
    case 7:
      event.ad = odd_value(random);
      break;
    case 8:
      event.type = odd_value(random);
      break;
    case 9:
      event.more = "\"number\":" + odd_value(random) + ",\"\":" + odd_value(random) + ',';
      break;
    case 10:  // missing
    case 11: {
      static constexpr std::string_view kNames[] = {"\"ad_id\"", "\"event_time\"", "\"event_type\"", "\"user_id\""};
      std::string text = text_of(event, random);
      replace(text, any_of(kNames, random), "\"other\"");
      return text;
    }
    case 12:  // twice: the first one counts
      event.more = "\"ad_id\":\"second\",\"event_time\":\"1\",\"event_type\":null,";
      break;
    case 13: {
      std::string text = text_of(event, random);
      text.insert(1, "\"ad_id\":" + odd_value(random) + ",\"event_time\":" + odd_value(random) + ',');
      return text;
    }
    case 14: {  // escaped names
      std::string text = text_of(event, random);
      replace(text, "\"ad_id\"", "\"\\u0061d\\u005fid\"");
      if (random() % 2) replace(text, "\"event_time\"", "\"event\\u005Ftime\"");
      return text;
    }
    case 15: {  // escaped values: the same key as without
      std::string text = text_of(event, random);
      replace(text, "-52a0-", "\\u002d52a0\\u002D");
      replace(text, "\"view\"", "\"vi\\u0065w\"");
      return text;
    }
    case 16:
      event.more = nested(60 + random() % 8);  // 64 is the limit
      break;
    case 17:
      event.more = nested(100 + random() % 5000);
      break;
    case 18: {  // far away
      static constexpr std::string_view kTimes[] = {"0",
                                                    "1",
                                                    "-1",
                                                    "\"0\"",
                                                    "\"-62135596800000\"",
                                                    "4102444800000",
                                                    "\"99999999999999\"",
                                                    "\"253402300799999\"",
                                                    "\"9223372036854775807\"",
                                                    "-9223372036854775808"};
      event.time = any_of(kTimes, random);
      break;
    }
    case 19:
      line_end = "\r\n";
      break;
    case 20: {  // another order of fields, and white space
      return " {\t\"event_time\" : " + event.time + " ,\r \"event_type\":" + event.type + ", \"ad_id\" :" + event.ad +
             ",\"nested\":{\"ad_id\":\"no\",\"event_time\":[{}]}} ";
    }
    case 21:
      event.ad = quoted(std::string(4000 + random() % 200, 'k'));  // 4 KiB is the limit
      break;
    case 22:  // much between
      event.more = "\"note\":" + quoted(std::string(random() % 20'000, 'n')) + ",\"list\":[1,{\"event_time\":2}],";
      break;
    default:
      return no_event(random);
  }
  return text_of(event, random);
}

bool write_all(std::string& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(STDOUT_FILENO, bytes.data() + done, bytes.size() - done);
    if (n < 0) return false;
    done += static_cast<size_t>(n);
  }
  bytes.clear();
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int at, int64_t otherwise) {
    if (at < argc) std::from_chars(argv[at], argv[at] + std::strlen(argv[at]), otherwise);
    return otherwise;
  };
  const int64_t count = number(1, 0);
  Random random(static_cast<uint64_t>(number(2, 1)));
  std::string out;
  for (int64_t i = 0; i < count; ++i) {
    Event event = some_event(random, kStartMs + i / 10);
    std::string line_end = "\n";
    out += random() % 100 == 0 ? hostile(std::move(event), random, line_end) : text_of(event, random);
    out += line_end;
    if (out.size() > 1 << 20 && !write_all(out)) return 1;
  }
  return write_all(out) ? 0 : 1;
}
