#!/usr/bin/env bash
# Write the module, the tables and the pictures of a network into a folder of their own.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

archc build resnet20 -o "$folder/resnet20.py"
archc table resnet20 --by layer --format csv -o "$folder/resnet20.csv"
archc table resnet --format latex -o "$folder/table1.tex"
archc draw resnet20 --level block -o "$folder/resnet20.svg"
archc draw resnet50 -o "$folder/resnet50.pdf"

wc -c "$folder"/*
tail -n 3 "$folder/resnet20.csv"
