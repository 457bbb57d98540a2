// The tables that FindFilter, FindTest and FindMethod look through, each in the file of its kind.
#pragma once

#include <span>

#include "tenfold/tokenizer/jinja/builtin.h"

namespace tenfold::tokenizer::jinja {

std::span<const BuiltinRow> TextFilters();       // text_filters.cc: trim, upper, indent, ...
std::span<const BuiltinRow> ScalarFilters();     // scalar_filters.cc: default, int, round, tojson, ...
std::span<const BuiltinRow> SequenceFilters();   // sequence_filters.cc: first, sort, groupby, ...
std::span<const BuiltinRow> SelectionFilters();  // selection_filters.cc: map, select, rejectattr, ...
std::span<const BuiltinRow> TestFunctions();     // test_functions.cc
std::span<const BuiltinRow> StringMethods();     // string_methods.cc
std::span<const BuiltinRow> DictMethods();       // container_methods.cc
std::span<const BuiltinRow> ListMethods();       // container_methods.cc
std::span<const BuiltinRow> TupleMethods();      // container_methods.cc

}  // namespace tenfold::tokenizer::jinja
