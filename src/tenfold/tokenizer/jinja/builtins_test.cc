#include <string>

#include <gtest/gtest.h>

#include "tenfold/tokenizer/jinja/render_for_test.h"

namespace tenfold::tokenizer::jinja {
namespace {

class JinjaBuiltins : public RenderTest {};

TEST_P(JinjaBuiltins, WritesWhatJinjaWrites) {
  EXPECT_EQ(RenderForTest(GetParam().source), GetParam().expected) << GetParam().source;
}

INSTANTIATE_TEST_SUITE_P(
    Printing, JinjaBuiltins,
    testing::Values(
        RenderCase{"{{ messages[0] }}", "{'role': 'user', 'content': '  Hi there <|im_end|>  ', 'n': 1}"},
        RenderCase{
            "{{ messages[1].tool_calls }}",
            R"([{'function': {'name': 'f', 'arguments': {'b': 2, 'A': [1, 2.5, None, True], 'ü': 'é"\\\n\t\x01🌊'}}}])"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Json, JinjaBuiltins,
    testing::Values(
        RenderCase{
            "{{ messages[1] | tojson }}",
            R"({"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"b": 2, "A": [1, 2.5, null, true], "ü": "é\"\\\n\t\u0001🌊"}}}]})"},
        RenderCase{"{{ messages | tojson(indent=2) }}",
                   "[\n  {\n    \"role\": \"user\",\n    \"content\": \"  Hi there <|im_end|>  \",\n    \"n\": 1\n  "
                   "},\n  {\n    \"role\": \"assistant\",\n    \"content\": null,\n    \"tool_calls\": [\n      {\n    "
                   "    \"function\": {\n          \"name\": \"f\",\n          \"arguments\": {\n            \"b\": "
                   "2,\n            \"A\": [\n              1,\n              2.5,\n              null,\n              "
                   "true\n            ],\n            \"ü\": \"é\\\"\\\\\\n\\t\\u0001🌊\"\n          }\n        }\n     "
                   " }\n    ]\n  },\n  {\n    \"role\": \"user\",\n    \"content\": [\n      {\n        \"type\": "
                   "\"text\",\n        \"text\": \"x\"\n      }\n    ]\n  }\n]"},
        RenderCase{"{{ messages[1] | tojson(indent=4, ensure_ascii=True) }} {{ d | tojson(sort_keys=true) }} {{ d | "
                   "tojson(separators=(',', ':')) }} {{ [] | tojson(indent=2) }} {{ {} | tojson(indent=2) }} {{ "
                   "[[],{}] | tojson(indent=2) }}",
                   "{\n    \"role\": \"assistant\",\n    \"content\": null,\n    \"tool_calls\": [\n        {\n        "
                   "    \"function\": {\n                \"name\": \"f\",\n                \"arguments\": {\n          "
                   "          \"b\": 2,\n                    \"A\": [\n                        1,\n                    "
                   "    2.5,\n                        null,\n                        true\n                    ],\n    "
                   "                \"\\u00fc\": \"\\u00e9\\\"\\\\\\n\\t\\u0001\\ud83c\\udf0a\"\n                }\n   "
                   "         }\n        }\n    ]\n} {\"Y\": \"q\", \"x\": null, \"z\": 1} "
                   "{\"z\":1,\"Y\":\"q\",\"x\":null} [] {} [\n  [],\n  {}\n]"},
        RenderCase{"{{ [1, 1.0, 1e20, none, true, 'a', (1,2), {1: 2, none: 3, true: 4, 1.5: 5}] | tojson }}",
                   R"([1, 1.0, 1e+20, null, true, "a", [1, 2], {"1": 4, "null": 3, "1.5": 5}])"},
        RenderCase{"{{ range(3) | list | tojson }}", "[0, 1, 2]"},
        RenderCase{R"({{ '<>&"\'' | tojson }} {{ 'a/b\b\f' | tojson }})", R"("<>&\"'" "a/b\b\f")"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    TextFilters, JinjaBuiltins,
    testing::Values(
        RenderCase{
            R"({{ s | upper }} {{ s | lower }} {{ u | upper }} {{ u | lower }} {{ u | title }} {{ u | capitalize }} {{ s | capitalize }} {{ "hello-world foo(bar" | title }} {{ "it's a" | title }})",
            "HELLO, WORLD hello, world ÄÖÜ STRASSE äöü straße Äöü Straße Äöü straße Hello, world Hello-World Foo(Bar "
            "It's A"},
        RenderCase{"{{ '  a b  ' | trim }}| {{ 'xxaxx' | trim('x') }} {{ '  a ' .strip() }}|{{ '  a '.lstrip() }}|{{ ' "
                   " a '.rstrip() }}| {{ 'abcXcba'.strip('abc') }} {{ 'abcXcba'.lstrip('ab') }} {{ 'abc'.rstrip('c') "
                   "}} {{ ' a '.strip(none) }}|",
                   "a b| a a|a |  a| X cXcba ab a|"},
        RenderCase{"{{ '%s is %d and %.2f' | format('a', 5, 1.234) }} {{ '%5s|%-5s|%05d|%x|%X|%%|%r|%c|%e|%g' | "
                   "format('a', 'b', 42, 255, 255, 'r', 'c', 12345.678, 0.0001) }} {{ '%(a)s' | format(a=1) }} {{ '%+d "
                   "% d' | format(3, 4) }} {{ '%i' | format(3.7) }} {{ '%5.1f|' | format(2.25) }}",
                   "a is 5 and 1.23     a|b    |00042|ff|FF|%|'r'|c|1.234568e+04|0.0001 1 +3  4 3   2.2|"},
        RenderCase{"{{ nums | join(', ') }} {{ nums | join }} {{ people | join('-', attribute='name') }} {{ e | "
                   "join(',') }} {{ nope | join(',') }} {{ 'abc' | join('-') }} {{ [none, true, 1.0] | join(' ') }}",
                   "3, 1, 2, 10, -5 31210-5 Bob-alice-Bob   a-b-c None True 1.0"},
        RenderCase{"{{ 1 | string }} {{ none | string }} {{ nope | string }}| {{ [1] | string | length }}",
                   "1 None | 3"},
        RenderCase{
            "{{ ml | indent }}|{{ ml | indent(2) }}|{{ ml | indent(2, true) }}|{{ ml | indent(2, blank=true) }}|{{ ml "
            "| indent('> ', first=true) }}|{{ '' | indent }}|{{ 'a' | indent(first=true) }}",
            "a\n    b\n\n    c\n|a\n  b\n\n  c\n|  a\n  b\n\n  c\n|a\n  b\n  \n  c\n  |> a\n> b\n\n> c\n||    a"},
        RenderCase{
            "{{ html | escape }} {{ html | e }} {{ html | safe }} {{ html | striptags }}",
            R"(&lt;a href=&#34;x&#34;&gt;&amp;&#39;T&#39;&lt;/a&gt;  &lt;b&gt;y&lt;/b&gt; &lt;a href=&#34;x&#34;&gt;&amp;&#39;T&#39;&lt;/a&gt;  &lt;b&gt;y&lt;/b&gt; <a href="x">&'T'</a>  <b>y</b> &'T' y)"},
        RenderCase{"{{ 'a b  c_d, e-f' | wordcount }} {{ 'foo bar baz qux' | truncate(9) }} {{ 'foo bar baz qux' | "
                   "truncate(9, true) }} {{ 'foo bar baz qux' | truncate(11) }} {{ 'foo bar baz qux' | truncate(11, "
                   "false, '', 0) }} {{ 'foo' | truncate(1, end='') }}",
                   "5 foo... foo ba... foo bar baz qux foo bar foo"},
        RenderCase{"{{ 'a b/c?d=é&' | urlencode }}", "a%20b/c%3Fd%3D%C3%A9%26"},
        RenderCase{"{{ none | upper }} {{ 1 | upper }} {{ nope | upper }}| {{ nope | trim }}| {{ 12 | trim }}",
                   "NONE 1 | | 12"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    ScalarFilters, JinjaBuiltins,
    testing::Values(
        RenderCase{
            "{{ nope | default('x') }} {{ e | default('x') }}| {{ e | default('x', true) }} {{ none | default('x') }} "
            "{{ none | d('x', boolean=true) }} {{ d.nope | default('y') }} {{ nope | default }}|",
            "x | x None x y |"},
        RenderCase{"{{ '12' | int }} {{ '12.7' | int }} {{ 'x' | int }} {{ 'x' | int(5) }} {{ 3.9 | int }} {{ -3.9 | "
                   "int }} {{ 'ff' | int(base=16) }} {{ none | int }} {{ true | int }} {{ ' 12 ' | int }} {{ '1_000' | "
                   "int }} {{ '-5' | int }} {{ '+5' | int }}",
                   "12 12 0 5 3 -3 255 0 1 12 1000 -5 5"},
        RenderCase{"{{ '1.5' | float }} {{ 'x' | float }} {{ 'x' | float(2.0) }} {{ 1 | float }} {{ '1e3' | float }} "
                   "{{ none | float }}",
                   "1.5 0.0 2.0 1.0 1000.0 0.0"},
        RenderCase{"{{ -3 | abs }} {{ 3.5 | abs }} {{ (-3.5) | abs }} {{ true | abs }}", "3 3.5 3.5 1"},
        RenderCase{"{{ 2.5 | round }} {{ 3.5 | round }} {{ 2.567 | round(2) }} {{ 2.567 | round(1, 'floor') }} {{ 2.51 "
                   "| round(method='ceil') }} {{ 5 | round }} {{ 1234.5 | round(-2) }} {{ 2.675 | round(2) }} {{ 15 | "
                   "round(-1) }}",
                   "2.0 4.0 2.57 2.5 3.0 5 1200.0 2.67 20"},
        RenderCase{"{{ s | length }} {{ u | length }} {{ nums | count }} {{ d | length }} {{ nope | length }} {{ "
                   "d.items() | length }}",
                   "12 10 5 3 0 3"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    SequenceFilters, JinjaBuiltins,
    testing::Values(
        RenderCase{"{{ nums | first }} {{ nums | last }} {{ [] | first }} {{ s | first }} {{ s | last }} {{ d | first "
                   "}} {{ nope | first }}",
                   "3 -5  H d z "},
        RenderCase{"{{ s | list }}", "['H', 'e', 'l', 'l', 'o', ',', ' ', 'W', 'o', 'r', 'l', 'd']"},
        RenderCase{"{{ d | list }}", "['z', 'Y', 'x']"}, RenderCase{"{{ nope | list }}", "[]"},
        RenderCase{"{{ (1,2) | list }}", "[1, 2]"},
        RenderCase{
            "{{ d | items | list }} {{ d.items() | list }} {{ d.items() }} {{ d.keys() }} {{ d.values() }} {{ d.keys() "
            "| list }} {{ nope | items | list }}",
            "[('z', 1), ('Y', 'q'), ('x', None)] [('z', 1), ('Y', 'q'), ('x', None)] dict_items([('z', 1), ('Y', 'q'), "
            "('x', None)]) dict_keys(['z', 'Y', 'x']) dict_values([1, 'q', None]) ['z', 'Y', 'x'] []"},
        RenderCase{"{% for k, v in d | items %}{{ k }}={{ v }};{% endfor %}{% for k, v in d.items() %}{{ loop.index "
                   "}}{{ k }}={{ v }};{% endfor %}",
                   "z=1;Y=q;x=None;1z=1;2Y=q;3x=None;"},
        RenderCase{"{{ d | dictsort }} {{ d | dictsort(true) }} {{ {'a':2,'b':1} | dictsort(by='value') }} {{ d | "
                   "dictsort(reverse=true) }}",
                   "[('x', None), ('Y', 'q'), ('z', 1)] [('Y', 'q'), ('x', None), ('z', 1)] [('b', 1), ('a', 2)] "
                   "[('z', 1), ('Y', 'q'), ('x', None)]"},
        RenderCase{"{{ nums | sort }} {{ nums | sort(reverse=true) }} {{ words | sort }} {{ words | "
                   "sort(case_sensitive=true) }} {{ people | sort(attribute='age') | map(attribute='name') | list }} "
                   "{{ people | sort(attribute='name,age') | map(attribute='age') | list }} {{ 'hello' | sort }}",
                   "[-5, 1, 2, 3, 10] [10, 3, 2, 1, -5] ['A', 'a', 'b', 'B', 'c'] ['A', 'B', 'a', 'b', 'c'] ['alice', "
                   "'Bob', 'Bob'] [1, 2, 3] ['e', 'h', 'l', 'l', 'o']"},
        RenderCase{"{{ nums | reverse | list }} {{ s | reverse }} {{ [] | reverse | list }}",
                   "[-5, 10, 2, 1, 3] dlroW ,olleH []"},
        RenderCase{"{{ words | unique | list }} {{ words | unique(true) | list }} {{ people | unique(attribute='name') "
                   "| map(attribute='age') | list }} {{ [1, 1.0, true, '1'] | unique | list }}",
                   "['b', 'A', 'c'] ['b', 'A', 'c', 'a', 'B'] [3, 1] [1, '1']"},
        RenderCase{
            "{{ words | map('upper') | list }} {{ people | map(attribute='c.x', default='-') | list }} {{ people | "
            "map(attribute='name') | join(',') }} {{ nums | map('string') | map('length') | list }} {{ [[1,2],[3]] | "
            "map('join', '+') | list }} {{ people | map(attribute='c') | list }} {{ ['a'] | map('replace', 'a', 'b') | "
            "list }} {{ [[1,2],[3,4]] | map(attribute=0) | list }} {{ [[1,2],[3,4]] | map(attribute='1') | list }}",
            "['B', 'A', 'C', 'A', 'B'] [1, 2, '-'] Bob,alice,Bob [1, 1, 1, 2, 2] ['1+2', '3'] [{'x': 1}, {'x': 2}, "
            "Undefined] ['b'] [1, 3] [2, 4]"},
        RenderCase{
            "{{ nums | select('odd') | list }} {{ nums | reject('odd') | list }} {{ [0, 1, '', 'a', none] | select | "
            "list }} {{ [0, 1] | reject | list }} {{ nums | select('gt', 1) | list }} {{ nums | select('in', [1, 2]) | "
            "list }} {{ words | reject('equalto', 'b') | list }} {{ nums | select('divisibleby', 5) | list }}",
            "[3, 1, -5] [2, 10] [1, 'a'] [0] [3, 2, 10] [1, 2] ['A', 'c', 'a', 'B'] [10, -5]"},
        RenderCase{"{{ people | selectattr('age', 'gt', 1) | map(attribute='name') | list }}", "['Bob', 'Bob']"},
        RenderCase{"{{ people | selectattr('c') | list | length }}", "2"},
        RenderCase{"{{ people | rejectattr('c') | list | length }}", "1"},
        RenderCase{"{{ people | selectattr('name', 'equalto', 'Bob') | list | length }}", "2"},
        RenderCase{"{{ people | selectattr('c', 'defined') | list | length }}", "2"},
        RenderCase{"{{ people[:2] | selectattr('c.x', 'eq', 1) | map(attribute='name') | first }}", "Bob"},
        RenderCase{"{{ nums | min }} {{ nums | max }} {{ words | min }} {{ words | max }} {{ [] | min }}| {{ people | "
                   "min(attribute='age') }} {{ words | max(case_sensitive=true) }} {{ nums | sum }} {{ [] | sum }} {{ "
                   "people | sum(attribute='age') }} {{ [1.5, 2] | sum(start=1) }} {{ [[1],[2]] | sum(start=[]) }}",
                   "-5 10 A c | {'name': 'alice', 'age': 1, 'c': {'x': 2}} c 11 0 6 4.5 [1, 2]"},
        RenderCase{"{{ nums | batch(2) | list }} {{ nums | batch(2, 0) | list }} {{ nums | slice(2) | list }} {{ nums "
                   "| slice(3, 0) | list }} {{ nums | slice(7) | list }}",
                   "[[3, 1], [2, 10], [-5]] [[3, 1], [2, 10], [-5, 0]] [[3, 1, 2], [10, -5]] [[3, 1], [2, 10], [-5, "
                   "0]] [[3], [1], [2], [10], [-5], [], []]"},
        RenderCase{"{{ people | groupby('name') }} {% for g in people | groupby('name') %}{{ g.grouper }}:{{ g.list | "
                   "length }};{% endfor %}{% for k, v in people | groupby('age') %}{{ k }}{{ v[0].name }};{% endfor %}",
                   "[('alice', [{'name': 'alice', 'age': 1, 'c': {'x': 2}}]), ('Bob', [{'name': 'Bob', 'age': 3, 'c': "
                   "{'x': 1}}, {'name': 'Bob', 'age': 2}])] alice:1;Bob:2;1alice;2Bob;3Bob;"},
        RenderCase{"{{ [[1,2],[3,4]] | map('first') | list }} {{ [[1,2],[3,4]] | map('last') | sum }} {{ ['a','b'] | "
                   "map('upper') | map('lower') | join }}",
                   "[1, 3] 6 ab"},
        RenderCase{"{{ words | sort | join(',') | upper | replace(',', ';') }}{{ (words | sort)[0] }}{{ words | sort | "
                   "first }}",
                   "A;A;B;B;CAA"},
        RenderCase{"{{ none | map('upper') | list }} {{ 0 | select | list }}", "[] []"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Methods, JinjaBuiltins,
    testing::Values(
        RenderCase{R"({{ "it's aB".title() }} {{ 'aBc'.capitalize() }} {{ u.upper() }} {{ u.lower() }})",
                   "It'S Ab Abc ÄÖÜ STRASSE äöü straße"},
        RenderCase{"{{ '  a b  ' | trim }}| {{ 'xxaxx' | trim('x') }} {{ '  a ' .strip() }}|{{ '  a '.lstrip() }}|{{ ' "
                   " a '.rstrip() }}| {{ 'abcXcba'.strip('abc') }} {{ 'abcXcba'.lstrip('ab') }} {{ 'abc'.rstrip('c') "
                   "}} {{ ' a '.strip(none) }}|",
                   "a b| a a|a |  a| X cXcba ab a|"},
        RenderCase{
            "{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a  b '.split() }} "
            "{{ ' a b c '.split(none, 1) }} {{ ' a b c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ "
            "'a,b'.split(sep=',', maxsplit=0) }} {{ 'aaa'.split('aa') }} {{ 'aaa'.rsplit('aa', 1) }}",
            "['a', 'b', 'c'] ['a', 'b,c'] ['a,b', 'c'] ['a', 'b'] ['a', 'b c '] [' a b', 'c'] [] [''] ['a,b'] ['', "
            "'a'] ['a', '']"},
        RenderCase{
            R"({{ 'a\nb\r\nc\n\nd\n'.splitlines() }} {{ 'a\nb'.splitlines(true) }} {{ ''.splitlines() }} {{ ml.splitlines() }})",
            R"(['a', 'b', 'c', '', 'd'] ['a\n', 'b'] [] ['a', 'b', '', 'c'])"},
        RenderCase{
            "{{ s.startswith('He') }} {{ s.endswith(('x', 'ld')) }} {{ s.startswith(('x','y')) }} {{ s.endswith('') }}",
            "True True False True"},
        RenderCase{
            "{{ s.replace('l', 'L') }} {{ s.replace('l', 'L', 1) }} {{ 'abc'.replace('', '-') }} {{ 'abc'.replace('', "
            "'-', 2) }} {{ ''.replace('', 'x') }} {{ s | replace('l', '') }} {{ s | replace('o', '0', 1) }}",
            "HeLLo, WorLd HeLlo, World -a-b-c- -a-bc x Heo, Word Hell0, World"},
        RenderCase{"{{ s.find('o') }} {{ s.find('zz') }} {{ s.rfind('o') }} {{ u.find('ß') }} {{ s.find('o', 5) }} {{ "
                   "s.count('l') }} {{ s.count('') }} {{ s.index('W') }} {{ 'aaa'.count('aa') }}",
                   "4 -1 8 8 8 3 13 7 1"},
        RenderCase{"{{ ', '.join(['a', 'b']) }} {{ ','.join('abc') }} {{ ', '.join(d) }}", "a, b a,b,c z, Y, x"},
        RenderCase{
            "{{ 'abc'.isdigit() }} {{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'abc'.isalpha() }} {{ 'a1'.isalnum() }} "
            "{{ ' '.isspace() }} {{ 'Ab'.isupper() }} {{ 'AB1'.isupper() }} {{ 'ab'.islower() }} {{ '1'.islower() }}",
            "False True False True True True False True True False"},
        RenderCase{"{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }} {{ 'abc'.removeprefix('x') }} {{ "
                   "'abc'.removesuffix('') }}",
                   "bc ab abc abc"},
        RenderCase{"{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('=') }} {{ "
                   "'abc'.rpartition('=') }}",
                   "('a', '=', 'b=c') ('a=b', '=', 'c') ('abc', '', '') ('', '', 'abc')"},
        RenderCase{"{{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'a'.ljust(3) }}| {{ 'a'.rjust(3, '.') }} {{ "
                   "'ab'.center(5) }}| {{ 'a'.center(4, '*') }} {{ 'abc' | center(10) }}| {{ 'abc' | center(6) }}|",
                   "007 -007 a  | ..a   ab | *a**    abc    |  abc  |"},
        RenderCase{
            "{{ '{} {}'.format(1, 'a') }} {{ '{0} {1} {0}'.format('a', 'b') }} {{ '{x}-{y}'.format(x=1, y=2) }} {{ "
            "'{{}}'.format() }} {{ '{:>5}|{:<5}|{:^5}|{:05d}|{:.2f}|{:+d}|{:x}'.format('a','b','c',42,3.14159,5,255) "
            "}} {{ '{:*^7}'.format('x') }} {{ '{:5}|{:5}'.format(1, 'a') }} {{ '{:.3}'.format('abcdef') }}",
            "1 a a b a 1-2 {}     a|b    |  c  |00042|3.14|+5|ff ***x***     1|a     abc"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Tests, JinjaBuiltins,
    testing::Values(
        RenderCase{"{{ nope is defined }} {{ nope is undefined }} {{ s is defined }} {{ d.nope is defined }} {{ nope "
                   "is none }} {{ n is none }} {{ n is defined }} {{ nope is not defined }} {{ not nope is defined }}",
                   "False True True False False True True True True"},
        RenderCase{"{{ s is string }} {{ 1 is string }} {{ 1 is number }} {{ 1.0 is number }} {{ true is number }} {{ "
                   "1 is integer }} {{ true is integer }} {{ 1.0 is integer }} {{ 1.0 is float }} {{ true is boolean "
                   "}} {{ 1 is boolean }} {{ d is mapping }} {{ nums is mapping }}",
                   "True False True True True True False False True True False True False"},
        RenderCase{"{{ s is sequence }} {{ nums is sequence }} {{ d is sequence }} {{ (1,) is sequence }} {{ 1 is "
                   "sequence }} {{ none is sequence }} {{ nope is sequence }} {{ nums is iterable }} {{ s is iterable "
                   "}} {{ 1 is iterable }} {{ d.items() is iterable }} {{ d.items() is sequence }} {{ d.get is "
                   "callable }} {{ s is callable }} {{ range is callable }} {{ nums | map('abs') is iterable }}",
                   "True True True True False False True True True False True False True False True True"},
        RenderCase{
            "{{ true is true }} {{ false is false }} {{ 1 is true }} {{ t is true }} {{ 2 is even }} {{ 3 is odd }} {{ "
            "4 is divisibleby 2 }} {{ 4 is divisibleby(3) }} {{ 1 is eq 1 }} {{ 1 is equalto 2 }} {{ 1 is ne 2 }} {{ 1 "
            "is lt 2 }} {{ 2 is le 2 }} {{ 3 is gt 2 }} {{ 2 is ge 3 }} {{ 1 is in [1] }} {{ 1 is in([2]) }} {{ 'a' is "
            "lower }} {{ 'A1' is upper }} {{ '1' is lower }} {{ none is sameas none }} {{ 1 is sameas true }} {{ nums "
            "is sameas nums }} {{ [1] is sameas [1] }} {{ 'upper' is filter }} {{ 'x' is filter }} {{ 'odd' is test }}",
            "True True False True True True True False True False True True True True False True False True True False "
            "True False True False True False True"}),
    CaseName);

}  // namespace
}  // namespace tenfold::tokenizer::jinja
