#!/bin/sh
# Each format of collections and queries, from the file to what a search finds in it.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"

# found FILE QUERY ID [OPTION...]: indexed anew, the query's first hit is ID
found() {
    file=$1
    query=$2
    id=$3
    shift 3
    rm -f ix
    run index ix "$file" --model none "$@"
    code_is 0
    err_is_empty
    run search ix "$query" -k 1
    code_is 0
    out_has "^ *1 +[0-9.]+ +$id\$"
}

cat >a.trec <<'END'
<DOC>
<DOCNO> FT-1 </DOCNO>
<DATE>910514</DATE>
<HEADLINE> Owls &amp; mice </HEADLINE>
<TEXT>
<P>An owl hunts at night.</P>
</TEXT>
</DOC>
<DOC>
<DOCNO> FT-2 </DOCNO>
<DATE>950102</DATE>
<TEXT>A mole sees little.</TEXT>
</DOC>
END
found a.trec "hunts at night" FT-1
found a.trec "owls" FT-1
cat >topics <<'END'
<top>
<num> Number: 301
<title> blind moles

<desc> Description:
What sees little?
</top>
END
run search ix --queries topics
code_is 0
out_has "^301 Q0 FT-2 1 "
mkdir disk
gzip -c a.trec >disk/one
echo "about this disk" >disk/readme
rm -f ix
run index ix disk --format trec --model none
code_is 0
out_has "2 added, 1 bad and skipped"

printf '\357\273\277id;title;text;year\r\n1;"Owls; and mice";"hunts ""at"" night\r\nand by day";1984\r\n2;;mole;2001\r\n' >a.csv
found a.csv "by day" 1
printf 'url,headline,abstract\nu1,The owl,hunts\nu2,The mole,digs\n' >b.csv
found b.csv digs u2 --id-field url --title-field headline --text-field abstract
printf 'id,text\n1,one\n2,"two\n3,three\n' >bad.csv
rm -f ix
run index ix bad.csv --model none
code_is 1
err_has "bad.csv:3: a quote is opened and not closed"
run index ix bad.csv --model none --skip-bad
code_is 0
out_has "2 added, 1 bad and skipped"

mkdir pages
cat >pages/owl.html <<'END'
<!DOCTYPE html><html><head><meta charset="iso-8859-1"><title>The owl</title><script>var navigation = 1</script></head>
<body><nav>menu</nav><h1>Owls</h1><p>An owl hears a mouse.</p><h2>Food</h2><ul><li>mice<li>voles</ul></body></html>
END
printf '<p>Ein M\344uschen im Stroh' >pages/maus.htm
found pages voles owl.html
found pages "M$(printf '\303\244')uschen" maus.htm --analyzer german
run search ix navigation
code_is 3
run search ix menu
code_is 3
found pages/owl.html "food voles" owl.html --chunk sections:20

cat >pages/eye.pdf <<'END'
%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[4 0 R]/Count 1>>endobj
3 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
4 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 5 0 R/Resources<</Font<</F1 3 0 R>>>>>>endobj
5 0 obj<</Length 58>>stream
BT /F1 12 Tf 72 720 Td (The cochlea is no part of the eye) Tj ET
endstream endobj
trailer<</Root 1 0 R>>
%%EOF
END
if command -v pdftotext >/dev/null; then
    found pages cochlea eye.pdf
fi
mkdir empty
rm -f ix
said="fovea index of a PDF file without pdftotext"
PATH=$tmp/empty "$fovea" index ix pages --model none >out 2>err </dev/null
code=$?
code_is 1
err_has "eye.pdf: a PDF file needs pdftotext \(package poppler-utils\)"
PATH=$tmp/empty "$fovea" index ix pages --model none --skip-bad >out 2>err </dev/null
code=$?
code_is 0
out_has "2 added, 1 bad and skipped"

run help corpora
code_is 0
for format in beir jsonl tsv csv trec text; do
    out_has "$format"
done

finish
