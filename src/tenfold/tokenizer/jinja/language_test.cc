#include <string>

#include <gtest/gtest.h>

#include "tenfold/tokenizer/jinja/render_for_test.h"

namespace tenfold::tokenizer::jinja {
namespace {

class JinjaLanguage : public RenderTest {};

TEST_P(JinjaLanguage, WritesWhatJinjaWrites) {
  EXPECT_EQ(RenderForTest(GetParam().source), GetParam().expected) << GetParam().source;
}

INSTANTIATE_TEST_SUITE_P(
    Operators, JinjaLanguage,
    testing::Values(
        RenderCase{"{{ 1 + 2 * 3 - 4 / 2 }}", "5.0"},
        RenderCase{"{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7.5 % 2 }} {{ -7.5 // 2 }} {{ "
                   "2 ** 10 }} {{ 2 ** 0.5 }}",
                   "3 -4 1 2 -2 1.5 -4.0 1024 1.4142135623730951"},
        RenderCase{"{{ 'a' + 'b' * 3 }} {{ 3 * 'x' }} {{ [1] * 3 }} {{ (1,2) * 2 }} {{ [1] + [2] }} {{ (1,) + (2,) }}",
                   "abbb xxx [1, 1, 1] (1, 2, 1, 2) [1, 2] (1, 2)"},
        RenderCase{"{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1,'a'] ~ nope }}", "a1NoneTrue1.0[1, 'a']"},
        RenderCase{"{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1,2] < [1,3] }} "
                   "{{ none == none }} {{ nope == none }} {{ nope == nopee }}",
                   "True False True True True True True False True"},
        RenderCase{"{{ 'a' in 'abc' }} {{ 'a' not in 'abc' }} {{ 1 in nums }} {{ 'z' in d }} {{ 'q' in d }} {{ 1 in "
                   "nope }} {{ 1 in (1,2) }} {{ '' in '' }}",
                   "True False True True False False True True"},
        RenderCase{"{{ not true }} {{ not not e }} {{ true and false or true }} {{ 1 and 2 }} {{ 0 or 'x' }} {{ none "
                   "or nope or 0 }} {{ not 1 == 2 }}",
                   "False False True 2 x 0 True"},
        RenderCase{
            "{{ 'a' if t else 'b' }} {{ 'a' if e else 'b' }} {{ 'a' if e }} {{ 'x' if e else 'y' if e else 'z' }}",
            "a b  z"},
        RenderCase{"{{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ -f }} {{ +f }} {{ - - 2 }} {{ -5 | abs }} {{ -nums[0] }}",
                   "4 64 -1.5 1.5 2 5 -3"},
        RenderCase{"{{ 'x' is string and 'y' is string }} {{ 1 == 1 and 2 > 1 }} {{ (1 if true else 2) + 3 }} {{ not "
                   "(1 in [1]) }} {{ 5 not in [1] }} {{ 2 * 3 is even }} {{ 1 + 1 is even }}",
                   "True True 4 False True 0 1"},
        RenderCase{"{{ [1, 2, 3] | length > 2 and true }}", "True"}, RenderCase{"{{ nums | length - 1 }}", "4"},
        RenderCase{"{{ 'a' ~ 'b' == 'ab' }}", "True"}, RenderCase{"{{ 2 * 'a' ~ 'b' }}", "aab"},
        RenderCase{R"({{ 'a' 'b' ~ "c" }} {{ "%s" % "x" }})", "abc x"},
        RenderCase{R"({{ "%s-%s" % ("x", 1) }})", "x-1"},
        RenderCase{"{{ '' if nope else 'no' }} {{ nope or 'x' }} {{ nope and 'x' }}| {{ nope is string }} {{ nope == "
                   "'' }} {{ nope != 1 }} {{ nope ~ 'a' }}",
                   "no x | False False True a"},
        RenderCase{"{{ 'ab'*0 }}|{{ 'ab'*-1 }}|{{ [1]*0 }}", "||[]"},
        RenderCase{"{{ true + true }} {{ true and 1 }} {{ -true }} {{ true * 3 }} {{ 'a' * true }}", "2 1 -1 3 a"},
        RenderCase{"{{ 3.0 * 2 }} {{ 7 // 2.0 }} {{ 1e3 }} {{ 5 % 2.5 }} {{ 2 ** -1 }} {{ 4 ** 0.5 }} {{ 10 / 4 }} {{ "
                   "10 / 5 }}",
                   "6.0 3.0 1000.0 0.0 0.5 2.0 2.5 2.0"},
        RenderCase{"{{ 9223372036854775807 }} {{ -9223372036854775807 }}", "9223372036854775807 -9223372036854775807"},
        RenderCase{"{{ {'a':1} == {'a':1.0} }} {{ [1,[2]] == [1,[2]] }} {{ (1,) == [1] }} {{ 'a' == 1 }} {{ {'a':1} != "
                   "{'b':1} }} {{ messages[0] == messages[0] }}",
                   "True True False False True True"},
        RenderCase{
            "{% set x = 5 %}{{ 'big' if x > 3 else 'small' }}{% if x is divisibleby 5 and x is not even %}!{% endif %}",
            "big!"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Access, JinjaLanguage,
    testing::Values(
        RenderCase{"{{ nums[0] }} {{ nums[-1] }} {{ nums[99] }} {{ nums[1:3] }} {{ nums[::-1] }} {{ nums[::2] }} {{ "
                   "nums[-2:] }} {{ nums[:-1] }} {{ nums[3:1:-1] }} {{ nums[:] }} {{ nums[10:] }}",
                   "3 -5  [1, 2] [-5, 10, 2, 1, 3] [3, 2, -5] [10, -5] [3, 1, 2, 10] [10, 2] [3, 1, 2, 10, -5] []"},
        RenderCase{"{{ s[0] }} {{ s[-1] }} {{ s[1:4] }} {{ s[::-1] }} {{ s[::3] }} {{ u[0] }} {{ u[::-1] }} {{ u[2:5] "
                   "}} {{ s[99] }}",
                   "H d ell dlroW ,olleH Hl r Ä eßarts ÜöÄ Ü s "},
        RenderCase{
            "{{ nums['a'] }} {{ s['a'] }} {{ d[1] }} {{ d['z'] }} {{ d.z }} {{ d.nope }} {{ d['nope'] }} {{ d[none] }}",
            "   1 1   "},
        RenderCase{"{{ none.x }} {{ none['x'] }} {{ (1).x }}", "  "},
        RenderCase{"{{ nums.0 }} {{ people.0.name }} {{ people[0]['c'].x }}", "3 Bob 1"},
        RenderCase{"{{ range(3)[1] }} {{ range(10) | length }} {{ range(2, 8, 3) | list }} {{ range(0) | list }}",
                   "1 10 [2, 5] []"},
        RenderCase{"{{ [1,2,3][1:] | join }} {{ 'abc'[1:] | upper }} {{ ('a' ~ 'b') | upper }} {{ ('abc' | upper)[0] "
                   "}} {{ 'a,b'.split(',')[1] }} {{ {'a': {'b': [10, 20]}}.a.b[1] }}",
                   "23 BC AB A b 20"},
        RenderCase{"{{ messages[-1].content[0].text }} {{ messages[0]['content'] | trim | upper }}",
                   "x HI THERE <|IM_END|>"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Literals, JinjaLanguage,
    testing::Values(
        RenderCase{"{{ (1,) }} {{ () }} {{ (1,2) }} {{ 1, 2 }} {{ [] }} {{ {} }} {{ {'a': 1, 2: 'b', 'c': [1, none]} "
                   "}} {{ [1,] }} {{ {'a':1,} }}",
                   "(1,) () (1, 2) (1, 2) [] {} {'a': 1, 2: 'b', 'c': [1, None]} [1] {'a': 1}"},
        RenderCase{R"({{ 'it\'s' }} {{ ["it's", 'a"b', 'a\'"b', 'a\nb\t\\', '\x41\u00e9\U0001F30A\101'] }})",
                   R"(it's ["it's", 'a"b', 'a\'"b', 'a\nb\t\\', 'Aé🌊A'])"},
        RenderCase{R"({{ "a" "b" 'c' }})", "abc"}, RenderCase{"{{ 'a\\qb\\\nc' }}", R"(a\qbc)"},
        RenderCase{"{{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1.5e3 }} {{ 1e-7 }} {{ 1E5 }} {{ 1_0.5 }}",
                   "1000 31 5 15 1500.0 1e-07 100000.0 10.5"},
        RenderCase{"{{ 1e16 }} {{ 1e15 }} {{ 123456789.123 }} {{ 0.1 + 0.2 }} {{ 1e-4 }} {{ 1e-5 }} {{ 1e300 * 1e10 }} "
                   "{{ -0.0 }} {{ 100.0 }} {{ 1/3 }}",
                   "1e+16 1000000000000000.0 123456789.123 0.30000000000000004 0.0001 1e-05 inf -0.0 100.0 "
                   "0.3333333333333333"},
        RenderCase{"{{ True }} {{ False }} {{ None }} {{ true }} {{ none }} {{ [true, none, nope] }}",
                   "True False None True None [True, None, Undefined]"},
        RenderCase{"{{ {'a': 1}['a'] }}{{ {'a': {'b': 1}} }}{{ {'a': {}}}}", "1{'a': {'b': 1}}{'a': {}}"},
        RenderCase{"a{# comment #}b{#- c -#}  d {# x {{ y }} #}e", "abd e"},
        RenderCase{R"({{ foo|default("a") }}{{- ' x' -}}   y)", "a xy"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Whitespace, JinjaLanguage,
    testing::Values(
        RenderCase{"a\n", "a"}, RenderCase{"a\n\n", "a\n"}, RenderCase{"{% if t %}\nx\n{% endif %}\ny", "x\ny"},
        RenderCase{"  {% if t %}\n  x\n  {% endif %}\ny", "  x\ny"},
        RenderCase{"a {% if t %} b {% endif %} c", "a  b  c"}, RenderCase{"  {%+ if t %}x{% endif %}", "  x"},
        RenderCase{"{% if t +%}\nx{% endif %}", "\nx"}, RenderCase{"a  {%- if t -%}  x  {%- endif -%}  b", "axb"},
        RenderCase{"{{ 1 }}\n{{ 2 }}\n", "1\n2"}, RenderCase{"{{ 1 -}}\n  {{ 2 }}", "12"},
        RenderCase{"  {{ 1 }}", "  1"}, RenderCase{"  {{- 1 }}", "1"}, RenderCase{"{# c #}\nx", "x"},
        RenderCase{"  {# c #}\n  x", "  x"}, RenderCase{"a {# c -#}  b", "a b"}, RenderCase{"a\n  {#- c #}\nb", "ab"},
        RenderCase{"{#+ c +#}\nx", "\nx"}, RenderCase{"{% raw %}\n{{ x }}\n{% endraw %}\ny", "\n{{ x }}\ny"},
        RenderCase{"  {% raw -%}  {{ x }}  {%- endraw %}\ny", "{{ x }}y"}, RenderCase{"a\r\nb\rc\r\n", "a\nb\nc"},
        RenderCase{"{% for x in [1,2] %}\n  {{ x }}\n{% endfor %}\n", "  1\n  2\n"},
        RenderCase{"\t{% set q = 1 %}\t\nx", "\t\nx"},
        RenderCase{"{% set q = 1 %}{% set q = 2 %}\n  {% set q = 3 %}\n", ""},
        RenderCase{"x{% set q = 1 -%}\n\n\n y", "xy"}, RenderCase{"{%- set q = 1 -%}\n\n{%- set q = 1 -%}", ""},
        RenderCase{"{{ '\n' }}\n", "\n"}, RenderCase{" {% if t %}x{% endif %}", "x"},
        RenderCase{"{% if t %}a{% endif %}\n\n{% if t %}b{% endif %}\n\n", "a\nb"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Statements, JinjaLanguage,
    testing::Values(
        RenderCase{"{% if t is defined and t is true and not e %}A{% else %}B{% endif %}", "A"},
        RenderCase{"{% if e %}1{% elif nums | length > 3 %}2{% elif true %}3{% else %}4{% endif %}", "2"},
        RenderCase{"{% for x in nums %}{{ x }}{{ ',' if not loop.last }}{% endfor %}", "3,1,2,10,-5"},
        RenderCase{"{% for x in nums if x > 1 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% else %}none{% endfor %}",
                   "1:3/3 2:2/3 3:10/3 "},
        RenderCase{
            "{% for x in [] %}{{ x }}{% else %}empty{% endfor %}{% for x in nope %}{{ x }}{% else %}undef{% endfor %}",
            "emptyundef"},
        RenderCase{"{% for a, b in [(1,2),(3,4)] %}{{ a }}{{ b }};{% endfor %}{% for a, (b, c) in [(1,(2,3))] %}{{ a "
                   "}}{{ b }}{{ c }}{% endfor %}{% for (a, b) in [[1,2]] %}{{ a }}{{ b }}{% endfor %}",
                   "12;34;12312"},
        RenderCase{"{% for x in nums %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ "
                   "loop.last }}{{ loop.cycle('a','b') }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }}{{ "
                   "loop.depth0 }} {% endfor %}",
                   "054TrueFalsea110 143FalseFalseb3210 232FalseFalsea11010 321FalseFalseb2-510 410FalseTruea1010 "},
        RenderCase{"{% for x in [1,1,2,2,3] %}{{ loop.changed(x) }} {% endfor %}", "True False True False True "},
        RenderCase{"{% for x in nums %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}{% for x in nums %}{% "
                   "if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
                   "313110-5"},
        RenderCase{"{% for x in nums recursive %}{{ x }}{% endfor %}{% for x in [{'v':1,'c':[{'v':2,'c':[{'v':3}]}]}] "
                   "recursive %}{{ x.v }}@{{ loop.depth }}{% if x.c %}({{ loop(x.c) }}){% endif %}{% endfor %}",
                   "31210-51@1(2@2(3@3))"},
        RenderCase{"{% for c in 'añb' %}[{{ c }}]{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for x in range(3) "
                   "%}{{ x }}{% endfor %}{% for x in range(5, 0, -2) %}{{ x }}{% endfor %}{% for x in (1,2) %}{{ x "
                   "}}{% endfor %}{% for x in 1, 2 %}{{ x }}{% endfor %}",
                   "[a][ñ][b]zYx0125311212"},
        RenderCase{"{% for x in nums %}{% set y = x %}{% endfor %}{{ y }}|{% set z = 1 %}{% for x in nums %}{% set z = "
                   "x %}{{ z }}{% endfor %}{{ z }}",
                   "|31210-51"},
        RenderCase{"{% set ns = namespace(a=1, b='x') %}{% for x in nums %}{% set ns.a = ns.a + x %}{% endfor %}{{ "
                   "ns.a }}{{ ns.b }}{{ ns.nope }}|{{ ns.nope is defined }}",
                   "12x|False"},
        RenderCase{"{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set a, b = b, a %}{{ a }}{{ b }}{% set c = 1, 2 %}{{ c }}{% "
                   "set (p, q) = (1, 2) %}{{ p }}{{ q }}",
                   "1221(1, 2)12"},
        RenderCase{
            "{% set x %}hello {{ s }}{% endset %}{{ x | upper }}{% set y | upper | trim %} abc {% endset %}[{{ y }}]",
            "HELLO HELLO, WORLD[ABC]"},
        RenderCase{"{% if true %}{% set v = 5 %}{% endif %}{{ v }}", "5"},
        RenderCase{"{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "2"},
        RenderCase{"{% macro m(a, b='B', c=a) %}<{{ a }}{{ b }}{{ c }}>{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(1, "
                   "c=3) }}{{ m(b=1, a=2) }}{{ m() }}",
                   "<1B1><121><1B3><212><B>"},
        RenderCase{"{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}{{ m(1) }}",
                   "1(2, 3){'x': 4}1(){}"},
        RenderCase{"{% macro fact(n) %}{% if n <= 1 %}1{% else %}{{ n * fact(n - 1) | int }}{% endif %}{% endmacro "
                   "%}{{ fact(5) }}",
                   "120"},
        RenderCase{"{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}hi {{ s }}{% endcall %}",
                   "[hi Hello, World]"},
        RenderCase{"{% macro m(xs) %}{% for x in xs %}{{ caller(x, loop.index) }};{% endfor %}{% endmacro %}{% call(a, "
                   "b=9) m([1,2]) %}{{ a }}-{{ b }}{% endcall %}",
                   "1-1;2-2;"},
        RenderCase{"{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "False"},
        RenderCase{"{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}late{% endmacro %}{{ a() }}", "late"},
        RenderCase{"{% set q = 1 %}{% macro m() %}{{ q }}{% endmacro %}{% set q = 2 %}{{ m() }}", "2"},
        RenderCase{"{% for i in [1,2] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "12"},
        RenderCase{
            "{% filter upper %}abc {{ s }}{% endfilter %}{% filter replace('a', 'b') | upper %}aaa{% endfilter %}",
            "ABC HELLO, WORLDBBB"},
        RenderCase{"{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}|{% with %}{% set c = 1 %}{{ c }}{% "
                   "endwith %}{{ c }}",
                   "12|1"},
        RenderCase{"{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}", "15"},
        RenderCase{"{% raw %}{{ not }} {% this %} {# c #}{% endraw %}x{%- raw -%}  {{ a }}  {%- endraw -%}  y",
                   "{{ not }} {% this %} {# c #}x{{ a }}y"},
        RenderCase{"{% do nums.append(7) %}{{ nums }}{% set l = [] %}{% do l.append(1) %}{% do l.extend([2, 3]) %}{{ l "
                   "}}{{ l.pop() }}{{ l.pop(0) }}{{ l }}{{ l.index(2) }}{{ [1,1].count(1) }}",
                   "[3, 1, 2, 10, -5, 7][1, 2, 3]31[2]02"},
        RenderCase{"{% set _ = l %}{% set l = [3] %}{{ l.append(4) }}{{ l }}{% do l.insert(0, 9) %}{{ l }}{% do "
                   "l.reverse() %}{{ l }}{% do l.remove(9) %}{{ l }}",
                   "None[3, 4][9, 3, 4][4, 3, 9][4, 3]"},
        RenderCase{"{% set m = {'a': 1} %}{% do m.update({'b': 2}) %}{{ m }}{{ m.pop('a') }}{{ m }}{{ m.pop('zz', 0) "
                   "}}{{ m.setdefault('c', 3) }}{{ m }}{{ m.copy() }}",
                   "{'a': 1, 'b': 2}1{'b': 2}03{'b': 2, 'c': 3}{'b': 2, 'c': 3}"},
        RenderCase{"{% generation %}abc{% set zz = 1 %}{% endgeneration %}{{ zz }}", "abc"},
        RenderCase{"{{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2) }} {{ dict([('a', 1)]) }} {{ namespace({'a': 3}).a }}",
                   "{'a': 1, 'b': 2} {'x': 1, 'y': 2} {'a': 1} 3"},
        RenderCase{"{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = "
                   "joiner('|') %}{{ j() }}a{{ j() }}b",
                   "ababa|b"},
        RenderCase{"{% set x = namespace(v=[]) %}{% set x.v = x.v + [1] %}{{ x.v }}", "[1]"},
        RenderCase{
            "{%- for m in messages if m.role == 'user' -%}{{ loop.index }}{{ m.role }}{{ loop.last }}{%- endfor -%}",
            "1userFalse2userTrue"},
        RenderCase{"{%- set ns = namespace(found=false) -%}{%- for m in messages[::-1] if not ns.found -%}{{ m.role "
                   "}}{%- if m.role == 'assistant' -%}{%- set ns.found = true -%}{%- endif -%}{%- endfor -%}",
                   "userassistant"}),
    CaseName);

// Where Jinja forgets it.
TEST(JinjaMacro, KeepsTheScopeThatItWasDefinedIn) {
  EXPECT_EQ(RenderForTest("{% set ns = namespace() %}{% with a = 1 %}{% macro m() %}{{ a }}{% endmacro %}"
                          "{% set ns.m = m %}{% endwith %}{% with b = 5 %}{{ ns.m() }}{% endwith %}"),
            "1");
}

}  // namespace
}  // namespace tenfold::tokenizer::jinja
