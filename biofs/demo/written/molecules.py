"""Believable groups of the categories Sequences, Graphs and Systems."""

# ruff: noqa: RUF001 - names as their authors write them
from collections.abc import Iterator

from biofs.demo.model import Group
from biofs.demo.written.build import group, torrent


def molecules() -> Iterator[Group]:
    """The groups, by category."""
    yield from _sequences()
    yield from _graphs()
    yield from _systems()


def _sequences() -> Iterator[Group]:
    yield group(
        2,
        1,
        "The sequence of bacteriophage φX174",
        torrent(
            2,
            "phiX174",
            """
            NC_001422.1.fasta 5529
            NC_001422.1.gb 27113
            NC_001422.1.gff3 9840
            genes/gp{A,B,C,D,E,F,G,H,J,K}.faa 120-640
            """,
            "Sanger, GenBank, Public Domain, Genome",
        ),
        authors="Frederick Sanger; Alan R. Coulson; Clyde A. Hutchison III",
        tags="coding genomics one.shot virus",
        organism="Escherichia phage ΦX174",
        year=1977,
        accession="NC_001422.1",
        lab="MRC Laboratory of Molecular Biology",
        location="Cambridge, UK",
        about="The first DNA genome to be read in full: 5,386 bases, ten genes, some overlapping.",
    )
    yield group(
        3,
        1,
        "Potassium channel Kv1.1/KCNA1 & friends: α-subunits",
        torrent(
            3,
            "Kv1.1 ÷ KCNA1 & friends",
            """
            données brutes/échantillon n°[1-8].txt 4K-18K
            α-subunit/naïve control.fa 2410
            α-subunit/β sheet/Kv1.1 & KCNA1.fa 12345
            日本語/配列データ.gb 4321
            R&D;notes.txt 512
            literal &amp; entity <tag> &eacute;.txt 11
            """,
            "Sanger, FASTA, CC BY, Contig",
        ),
        authors='Björk & Sons <Ltd>; O\'Brien "Doc" Murphy',
        tags="coding humans organic.chemistry protocol.available",
        organism="Homo sapiens & Mus musculus",
        strain="C57BL/6J × DBA/2J (F₁)",
        year=2018,
        accession="NP_000208.2",
        lab='Lab of "Applied" Genomics',
        about="Cloned α-subunits, with the sequencing notes as their authors left them.",
    )
    yield group(
        11,
        1,
        "Long-read assembly of Arabidopsis thaliana Col-0",
        torrent(
            11,
            "Col-CEN v1.2",
            """
            Col-CEN_v1.2.fasta 134M
            Col-CEN_v1.2.fasta.fai 241
            Col-CEN_v1.2_TEs.gff3.gz 3.9M
            Col-CEN_v1.2_genes.gff3.gz 8.6M
            methylation/{CG,CHG,CHH}_context.bw 88M-240M
            """,
            "Nanopore, FASTA, CC BY, Chromosome",
            archive="None",
        ),
        torrent(
            12,
            "Col-CEN raw reads",
            """
            ont/col0_run[1-6]_guppy5.fastq.gz 11G-24G
            hifi/m64094_21071[1-4]_ccs.bam 31G-48G
            checksums.sha256 1010
            """,
            "PacBio, FASTQ, CC BY, Genome",
            archive="gzip",
        ),
        authors="Matthew Naish; Michael Alonge; Ian R. Henderson; Magnus Nordborg",
        tags="genomics long.read plants next.gen",
        organism="Arabidopsis thaliana",
        strain="Col-0",
        year=2021,
        accession="GCA_946499665.2",
        about="All five centromeres in one piece each.",
    )
    yield group(
        24,
        1,
        "Whole transcriptome time series of Drosophila embryogenesis",
        torrent(
            30,
            "dm6 embryo RNA-Seq",
            """
            fastq/embryo_[00-22]h_rep{1,2}.fastq.gz 1.1G-2.8G
            counts/embryo_[00-22]h.tsv 610K
            design.csv 1904
            """,
            "RNA-Seq, FASTQ, CC BY-NC, Transcriptome",
            archive="gzip",
        ),
        torrent(
            31,
            "dm6 embryo RNA-Seq (aligned)",
            """
            bam/embryo_[00-22]h_rep{1,2}.bam 2.0G-5.1G
            bam/embryo_[00-22]h_rep{1,2}.bam.bai 2M
            """,
            "RNA-Seq, BAM, CC BY-NC, Transcriptome",
        ),
        authors="Brenton R. Graveley; Åsa Öström",
        tags="gene.expression genomics next.gen",
        organism="Drosophila melanogaster",
        strain="y; cn bw sp",
        year=2011,
        accession="GSE18068",
        lab="modENCODE",
        about="Two replicates every hour of the first day.",
    )
    yield group(
        42,
        1,
        "Variant calls of 1,135 Arabidopsis accessions",
        torrent(
            52,
            "1001 Genomes",
            """
            1001genomes_snp-short-indel_only_ACGTN.vcf.gz 17.8G
            1001genomes_snp-short-indel_only_ACGTN.vcf.gz.tbi 214K
            accessions.csv 118K
            intersection_snp/intersection_[0001-1135].vcf.gz 61M-93M
            """,
            "Illumina HiSeq, VCF, CC BY, Genome",
        ),
        authors="The 1001 Genomes Consortium",
        tags="genomics next.gen plants",
        organism="Arabidopsis thaliana",
        year=2016,
        accession="PRJNA273563",
        about="One file for all, and one for each accession.",
    )


def _graphs() -> Iterator[Group]:
    yield group(
        4,
        2,
        "Yeast two-hybrid interaction map",
        torrent(
            4,
            "Y2H union",
            """
            Y2H_union.sif 88K
            Y2H_union.graphml 1.4M
            Y2H_union.cys 3.2M
            evidence/{CCSB-YI1,Ito-core,Uetz-screen}.csv 11K-70K
            """,
            "Cytoscape, SIF, CC BY-SA, Group",
        ),
        authors="Haiyuan Yu; Marc Vidal",
        tags="fungi proteomics protocol.available",
        organism="Saccharomyces cerevisiae",
        strain="S288C",
        year=2008,
        about="The union of three screens: 2,018 proteins, 2,930 interactions.",
    )
    yield group(
        12,
        2,
        "Connectome of Caenorhabditis elegans, both sexes",
        torrent(
            13,
            "celegans-connectome",
            """
            SI 5 Connectome adjacency matrices.xlsx 2.2M
            graphml/{hermaphrodite,male}_{chemical,gap_junction}.graphml 310K-980K
            synapse_lists/{herm,male}_[01-12].csv 20K-140K
            """,
            "NetworkX, GraphML, CC BY, Organization",
        ),
        authors="Steven J. Cook; Scott W. Emmons; John G. White",
        tags="imaging data.science one.shot",
        organism="Caenorhabditis elegans",
        strain="N2",
        year=2019,
        about="Every neuron, every synapse that the electron micrographs show.",
    )
    yield group(
        25,
        2,
        "Tree of 2,313 placental mammals",
        torrent(
            32,
            "mammal-trees",
            """
            MCC_credible.newick 260K
            posterior/tree_[0001-1000].newick 241K-262K
            taxonomy.csv 602K
            """,
            "Other, Newick, Public Domain, Group",
        ),
        authors="Nathan S. Upham; Jacob A. Esselstyn; Walter Jetz",
        tags="data.science geography one.shot",
        organism="Mammalia",
        year=2019,
        about="The maximum clade credibility tree and a thousand draws from the posterior.",
    )
    yield group(
        43,
        2,
        "Food web of the Ythan estuary",
        torrent(
            53,
            "ythan",
            """
            ythan96.csv 9212
            ythan96.dot 14101
            species.csv 4876
            """,
            "Graphviz, CSV, Unspecified, Area",
        ),
        authors="Mark Huxham; Dave Raffaelli; S. Beaney",
        tags="data.science geography",
        year=1996,
        location="Newburgh, Aberdeenshire",
        about="134 taxa, parasites included, and who eats whom.",
    )
    yield group(
        53,
        2,
        "Gene regulatory network of the sea urchin endomesoderm",
        torrent(
            63,
            "Endo16 network",
            """
            endomesoderm_[06-30]h.btp 118K-240K
            perturbation_table.csv 33K
            """,
            "BioTapestry, XML, CC BY-NC, Genome",
        ),
        authors="Eric H. Davidson; Jonathan P. Rast; Paola Oliveri",
        tags="gene.expression genomics protocol.available",
        organism="Strongylocentrotus purpuratus",
        year=2002,
        about="Who switches whom on, hour by hour, from fertilisation to gastrula.",
    )


def _systems() -> Iterator[Group]:
    yield group(
        5,
        3,
        "Repressilator: a synthetic oscillator",
        torrent(
            5,
            "repressilator",
            """
            BIOMD0000000012.xml 27K
            plasmids/pZS1-lTlrLLtCL.gb 19K
            traces/cell_[001-064].csv 6K-11K
            movie.avi 41M
            """,
            "MATLAB, XML, Public Domain, Giga",
        ),
        authors="Michael B. Elowitz; Stanislas Leibler",
        tags="bacteria gene.expression one.shot",
        organism="Escherichia coli",
        strain="MC4100",
        year=2000,
        accession="BIOMD0000000012",
        lab="Princeton University",
        about="Three repressors in a ring, their model, and single-cell fluorescence.",
    )
    yield group(
        13,
        3,
        "Genome-scale metabolic models of human gut bacteria",
        torrent(
            14,
            "AGORA 1.03",
            """
            sbml/AGORA_[001-818].xml 3M-6M
            diets/{western,high_fibre}.csv 8K
            """,
            "MATLAB, XML, CC BY, Giga",
        ),
        torrent(
            15,
            "AGORA 1.03 (mat)",
            """
            mat/AGORA_[001-818].mat 610K-1.3M
            AGORA_infoFile.xlsx 490K
            """,
            "MATLAB, Other, CC BY, Giga",
            archive="ZIP",
        ),
        authors="Stefanía Magnúsdóttir; Almut Heinken; Ines Thiele",
        tags="bacteria biochemistry metagenomics humans",
        year=2016,
        lab="Luxembourg Centre for Systems Biomedicine",
        about="818 strains, each a stoichiometric model ready for flux balance analysis.",
    )
    yield group(
        26,
        3,
        "Calvin–Benson cycle kinetics in Chlamydomonas",
        torrent(
            33,
            "calvin-benson",
            """
            model.cps 240K
            fits/{low,high} light/run_[01-20].csv 9K-22K
            metabolites.tsv 18K
            """,
            "PathVisio, CSV, CC BY-SA, Mega",
        ),
        authors="Søren Kierkegård; José Ramón Álvarez-Núñez",
        tags="biochemistry plants protocol.available",
        organism="Chlamydomonas reinhardtii",
        strain="CC-1690 mt⁺",
        year=2014,
        about="Time courses under two light regimes and a model that fits both.",
    )
    yield group(
        44,
        3,
        "Single-cell atlas of the mouse lung, ageing",
        torrent(
            54,
            "lung ageing atlas",
            """
            raw/{young,old}_[1-8]/{barcodes.tsv,features.tsv,matrix.mtx}.gz 400K-61M
            lung_ageing.h5ad 1.9G
            """,
            "Illumina HiSeq, HDF5, CC BY, Kilo",
        ),
        authors="Ilias Angelidis; Lukas M. Simon; Fabian J. Theis; Herbert B. Schiller",
        tags="gene.expression machine.learning next.gen germany",
        organism="Mus musculus",
        strain="C57BL/6",
        year=2019,
        accession="GSE124872",
        about="14,813 cells of lungs three and twenty-four months old.",
    )
    yield group(
        54,
        3,
        "Hodgkin–Huxley: ionic currents of the squid giant axon",
        torrent(
            64,
            "squid axon",
            """
            hh1952.ode 2K
            voltage_clamp/fig[03-14].csv 1K-5K
            scans/page_[500-544].png 410K-680K
            """,
            "Other, CSV, Public Domain, Nano",
        ),
        authors="Alan L. Hodgkin; Andrew F. Huxley",
        tags="biochemistry one.shot protocol.available",
        organism="Loligo forbesii",
        year=1953,
        lab="Marine Biological Association",
        location="Plymouth",
        about="The figures as numbers, and the four equations as a runnable model.",
    )
