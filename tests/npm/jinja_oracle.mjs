// Chat templates written for this test, rendered by Hugging Face's own engine in JavaScript and by ours (RENDER is our
// program). Python's Jinja2 is what counts, so nothing is printed that theirs writes in JavaScript's way (true for True,
// lengths in UTF-16, title() of ASCII alone). What theirs renders ours must render to the same text; what theirs refuses by raise_exception ours must
// refuse, too. Run by npm_test.py.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Template } from '@huggingface/jinja';

const tools = [{
  type: 'function',
  function: {
    name: 'get_time',
    description: 'Tells "the time" <there>.',
    parameters: { type: 'object', properties: { zone: { type: 'string', enum: ['UTC', 'CET'] } }, required: ['zone'] },
  },
}];
const user = (content) => ({ role: 'user', content });
const conversations = {
  short: { messages: [user('Hi')] },
  long: {
    messages: [
      { role: 'system', content: '  Be brief.\n' }, user('  What is 2 + 2? '), { role: 'assistant', content: 'Four.\n' },
      user("It's <b>not</b> & \"never\" was: 5"), { role: 'assistant', content: '<think>\nno\n</think>\n\nNo.' }, user('ÄÖ ß 🦜'),
    ],
    add_generation_prompt: true,
  },
  called: {
    messages: [
      user('Time?'),
      { role: 'assistant', content: '', tool_calls: [{ type: 'function', id: 'c1', function: { name: 'get_time', arguments: { zone: 'UTC', at: [1, null, true, 2.5] } } }] },
      { role: 'tool', name: 'get_time', tool_call_id: 'c1', content: '{"time": "12:00"}' }, user('Thanks'),
    ],
    tools, add_generation_prompt: true, enable_thinking: false,
  },
  empty: { messages: [], add_generation_prompt: true },
};

const templates = {
  chatml: `{%- for message in messages -%}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' + '\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`,
  alternation: `{% if messages and messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system = messages[0]['content'] %}
{% else %}{% set loop_messages = messages %}{% set system = false %}{% endif %}
{% for message in loop_messages %}
    {% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception('roles must alternate') }}
    {% endif %}
    {% if loop.first and system %}[{{ system.strip() }}] {% endif %}
    {{ message.role | upper }}: {{ message['content'] | trim }}{{ '' if loop.last else ';' }}
{% endfor %}`,
  loopVariables: `{% for m in messages %}{{ loop.index }}/{{ loop.length }} {{ loop.revindex0 }}{{ ' first' if loop.first }}{{ ' last' if loop.last }}|{% else %}none{% endfor %}`,
  namespace: `{% set ns = namespace(last='', n=0, seen=[]) %}{% for m in messages if m.role == 'user' %}{% set ns.n = ns.n + 1 %}{% set ns.last = m.content %}{% endfor %}{{ ns.n }}:{{ ns.last }}`,
  macro: `{%- macro turn(role, text='-', end='\\n') -%}
<{{ role }}>{{ text }}</{{ role }}>{{ end }}
{%- endmacro -%}
{% for m in messages %}{{ turn(m.role, m.content) }}{{ turn(m.role, end='!') }}{% endfor %}`,
  toolJson: `{% if tools %}{% for tool in tools %}{{ tool | tojson }}
{{ tool.function | tojson(indent=2) }}{% endfor %}{% endif %}`,
  toolCalls: `{% for m in messages %}{% if m.tool_calls is defined and m.tool_calls %}{% for call in m.tool_calls %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{{ '\\n' if not loop.last }}{% endfor %}{% elif m.role == "tool" %}<tool_response>{{ m.content }}</tool_response>{% else %}{{ m.content }}{% endif %}{% endfor %}`,
  parameters: `{% for tool in tools %}{% for name, spec in tool.function.parameters.properties.items() %}{{ name }}: {{ spec.type }}{% if spec.enum %} one of {{ spec.enum | join(', ') }}{% endif %}{{ ' (required)' if name in tool.function.parameters.required }}{% endfor %}{% endfor %}`,
  thinking: `{% for m in messages %}{% if m.role == 'assistant' and '</think>' in m.content %}{{ m.content.split('</think>')[-1].lstrip('\\n') }}{% else %}{{ m.content }}{% endif %}|{% endfor %}{% if enable_thinking is defined and enable_thinking is false %}<think>\\n\\n</think>{% endif %}`,
  lastUser: `{% set ns = namespace(found=false) %}{% for m in messages[::-1] %}{% set index = (messages | length - 1) - loop.index0 %}{% if not ns.found and m.role == 'user' %}{{ index }}:{{ m.content }}{% set ns.found = true %}{% endif %}{% endfor %}`,
  selecting: `{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | join(' / ') }}|{{ messages | rejectattr('role', 'equalto', 'user') | list | length }}|{{ messages | map(attribute='role') | unique | join(',') }}`,
  defaults: `{{ missing | default('d') }}{{ 'there' if none_such is defined else 'not there' }}{{ 'adds' if add_generation_prompt | default(false) }}{{ (messages | first).role if messages }}{{ (messages | first).content | length if messages }}`,
  strings: `{% for m in messages %}{{ m.content.upper() }}|{{ m.content.lower() }}|{{ m.content.strip() }}|{{ m.content | replace('i', '1') }}|{{ 'W' if m.content.startswith('  W') }}|{{ m.content[:3] }}|{{ m.content[-2:] }}|{{ m.role | capitalize }}
{% endfor %}`,
  arithmetic: `{{ 7 // 2 }} {{ 7 % 3 }} {{ 2 * 3 + 4 }} {{ (2 + 3) * 4 }} {{ 1 - 3 }} {{ 'a' if messages | length > 1 and not false }} {{ 'a' ~ 1 ~ 2.5 }} {{ 'b' if 3 in [1, 2, 3] }} {{ 'c' if 'x' not in 'abc' }} {{ 'd' if 1 < 2 and 2 >= 2 or false }}`,
  whitespace: `a
  {% if true %}
    b
  {%- endif %}
 {#- gone -#}  c
{% for i in range(3) -%}
  {{ i }}
{%- endfor %}
   d`,
  setBlock: `{% set text %}{% for m in messages %}{{ m.role[0] }}{% endfor %}{% endset %}[{{ text | trim }}]`,
  nested: `{% for m in messages %}{% set outer = loop %}{% for c in ['x', 'y'] %}{{ outer.index }}{{ c }}{% if loop.last and outer.last %}.{% endif %}{% endfor %}{% endfor %}`,
  dictionaries: `{% set names = {'user': 'U', 'assistant': 'A'} %}{% for m in messages %}{{ names[m.role] if m.role in names else names.get(m.role, '?') }}{% endfor %}{% for key, value in names | dictsort %}{{ key }}={{ value }};{% endfor %}`,
  breaks: `{% for m in messages %}{% if m.role == 'assistant' %}{% break %}{% endif %}{% if m.role == 'system' %}{% continue %}{% endif %}{{ m.content }}{% endfor %}`,
  tests: `{% for v in [1, 'a', none, true, [1], {'k': 1}] %}{{ 's' if v is string }}{{ 'n' if v is number and v is not boolean }}{{ '-' if v is none }}{{ 'm' if v is mapping }}{{ 'i' if v is iterable and v is not mapping }}{{ 'b' if v is boolean }} {% endfor %}`,
  refusal: `{% if not messages %}{{ raise_exception('say something') }}{% endif %}{{ messages[0].content }}`,
  callBlock: `{% macro box() %}<{{ caller() }}>{% endmacro %}{% for m in messages %}{% call box() %}{{ m.role }}{% endcall %}{% endfor %}`,
  filterBlock: `{% filter upper %}{% for m in messages %}{{ m.content }}{% endfor %}{% endfilter %}`,
  lists: `{{ [3, 1, 2] | sort | join }} {{ [1, 2, 3] | reverse | list | join('-') }} {{ ([1] + [2]) | length }} {{ ['a', 'b'] | tojson }} {{ {'b': 1, 'a': [true, none]} | tojson }}`,
};

const jobs = Object.entries(templates).flatMap(([templateName, template]) =>
  Object.entries(conversations).map(([name, inputs]) => ({ name: `${templateName} of ${name}`, template, inputs })));
const rendered = spawnSync(process.env.RENDER, { input: JSON.stringify(jobs), encoding: 'utf8' });
const ours = JSON.parse(rendered.stdout);

let numCompared = 0;
jobs.forEach(({ name, template, inputs }, i) => {
  test(name, (context) => {
    let theirs;
    try {
      theirs = new Template(template).render(inputs);
    } catch (error) {
      if (!template.includes(error.message)) return context.skip(`theirs cannot: ${error.message}`);
      ++numCompared;
      return assert.ok(ours[i].error?.includes(error.message), `it is refused there, and is here ${JSON.stringify(ours[i])}`);
    }
    ++numCompared;
    assert.equal(ours[i].error, undefined);
    assert.equal(ours[i].text, theirs);
  });
});
test('most can be compared', () => assert.ok(numCompared >= 0.9 * jobs.length, `only ${numCompared} of ${jobs.length}`));
