# Draws the roofline of matrix products: operations per byte against operations per second, the ceilings that reading
# memory and each arithmetic set, and a point for every weight type and number of rows.
#
# Called by tools/draw_roofline.sh with: folder (a .dat file per weight type: operations per byte, GOP/s, rows), types,
# title, output, and the limits memory (GB/s), f32, bf16, int8 (GOP/s).
set terminal svg size 960,640 font "sans-serif,13" background rgb "white" noenhanced
set output output
set title title
set xlabel "operations per byte of weights and activations"
set ylabel "billions of operations per second"
set logscale xy
set xrange [0.3:2000]
set yrange [5:int8 * 2]
set grid xtics ytics lc rgb "#dddddd"
set key outside right top samplen 1
# Colours that people who see few of them can tell apart.
set linetype 1 lc rgb "#000000"
set linetype 2 lc rgb "#e69f00"
set linetype 3 lc rgb "#56b4e9"
set linetype 4 lc rgb "#009e73"
set linetype 5 lc rgb "#d55e00"
set linetype 6 lc rgb "#0072b2"
set linetype 7 lc rgb "#cc79a7"
set linetype 8 lc rgb "#806000"
min(a, b) = a < b ? a : b

set label sprintf("memory, %.0f GB/s", memory) at 0.7, memory * 0.7 * 1.5 rotate by 41 tc rgb "#555555"
set label sprintf("8-bit integers, %.0f", int8) at 1900, int8 * 1.12 right tc rgb "#555555"
set label sprintf("bfloat16 pairs, %.0f", bf16) at 1900, bf16 * 1.12 right tc rgb "#555555"
set label sprintf("f32 multiply-add, %.0f", f32) at 1900, f32 * 1.12 right tc rgb "#555555"

plot for [limit in sprintf("%f %f %f", f32, bf16, int8)] min(memory * x, limit + 0) \
       with lines lw 1.5 lc rgb "#888888" notitle, \
     for [i = 1:words(types)] folder . "/" . word(types, i) . ".dat" using 1:2 \
       with linespoints lt i pt 4 + i ps 0.9 lw 1.5 title word(types, i), \
     for [i = 1:words(types)] folder . "/" . word(types, i) . ".dat" using 1:2:3 \
       with labels offset 0, -0.8 font ",9" tc lt i notitle
