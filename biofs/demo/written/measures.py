"""Believable groups of the categories Geometric, Scalars/Vectors, Patterns and Constraints."""

from collections.abc import Iterator

from biofs.demo.model import Group
from biofs.demo.written.build import group, torrent


def measures() -> Iterator[Group]:
    """The groups, by category."""
    yield from _geometric()
    yield from _scalars()
    yield from _patterns()
    yield from _constraints()


def _geometric() -> Iterator[Group]:
    yield group(
        6,
        4,
        "Structure of sperm whale myoglobin",
        torrent(
            6,
            "1MBN",
            """
            1mbn.pdb 124K
            1mbn.cif 161K
            densities/myo_{2,6}A.ccp4 1.4M
            """,
            "X-Rays, Text, Public Domain, Proteome",
        ),
        authors="John C. Kendrew; Max F. Perutz",
        tags="biochemistry proteomics one.shot",
        organism="Physeter macrocephalus",
        year=1958,
        accession="1MBN",
        lab="Cavendish Laboratory",
        location="Cambridge, UK",
        about="The first protein anybody saw in three dimensions.",
    )
    yield group(
        27,
        4,
        "Cryo-EM particle stack: human apoferritin at 1.2 Å",
        torrent(
            34,
            "EMPIAR-10424",
            """
            movies/FoilHole_[0001-2400]_Fractions.mrc 310M-330M
            gain/gain_K3.mrc 94M
            relion/run_data.star 61M
            README 1873
            """,
            "Microscopy, Other, Public Domain, Nano",
            archive="",
        ),
        authors="Takanori Nakane; Abhay Kotecha; Sjors H. W. Scheres",
        tags="imaging proteomics grayscale",
        organism="Homo sapiens",
        year=2020,
        accession="EMPIAR-10424",
        about="Electron-event movies, enough to see single atoms.",
    )
    yield group(
        34,
        4,
        "Surface meshes of 54 primate endocasts",
        torrent(
            42,
            "endocasts",
            """
            ply/{Aotus,Ateles,Cebus,Colobus,Galago,Gorilla,Homo,Macaca,Pan}_[1-6].ply 8M-41M
            landmarks.csv 51K
            """,
            "CT/CAT, Other, CC BY-NC, Milli",
        ),
        authors="Müller, K.; Anne-Marie d'Artagnan",
        tags="humans imaging one.shot",
        organism="Primates",
        year=2016,
        about="Six individuals of each genus, with landmarks.",
    )
    yield group(
        58,
        4,
        "Docked poses: SARS-CoV-2 main protease",
        torrent(
            68,
            "Mpro poses",
            """
            receptor/{5R80,6LU7,6Y2E}.pdbqt 210K
            poses/ligand_[0001-2000].sdf 3K-9K
            scores.csv 214K
            """,
            "Other, Text, MIT, Proteome",
        ),
        torrent(
            69,
            "",
            "Mpro_poses_top100.zip 1.1M",
            "Other, Text, MIT, Proteome",
            archive="ZIP",
        ),
        authors="Jennifer A. Doudna; Kim Ji-woo 김지우",
        tags="drug.discovery organic.chemistry virus",
        organism="SARS-CoV-2",
        year=2020,
        accession="6LU7",
        about="Two thousand drug-like molecules in the active site of three structures.",
    )


def _scalars() -> Iterator[Group]:
    yield group(
        14,
        5,
        "Growth curves of the Keio collection",
        torrent(
            16,
            "keio growth",
            """
            plates/plate_[01-95].csv 91K-120K
            layout.xlsx 388K
            mu_max.tsv 140K
            """,
            "Text, CSV, CC BY, Value",
        ),
        authors="Tomoya Baba; Hirotada Mori",
        tags="bacteria data.science protocol.available",
        organism="Escherichia coli",
        strain="BW25113",
        year=2006,
        about="Optical density every ten minutes for each of 3,985 knock-outs.",
    )
    yield group(
        28,
        5,
        "Codon usage of 12,000 genomes",
        torrent(
            35,
            "codon usage",
            """
            o586358-RefSeq_species.tsv 61M
            o586358-GenBank_CDS.tsv 178M
            """,
            "Text, Text, ODC-ODbL, Genome",
        ),
        torrent(36, "", "codon_usage.sqlite 412M", "Binary, Other, ODC-ODbL, Genome"),
        authors="John Athey; Chava Kimchi-Sarfaty",
        tags="bacteria coding genomics plants virus",
        year=2017,
        about="Counts per thousand codons, by species.",
    )
    yield group(
        45,
        5,
        "Blood counts of 4,800 blood donors",
        torrent(
            55,
            "cbc",
            """
            cbc_200[1-9].csv 71K-96K
            codebook.pdf 310K
            """,
            "Text, CSV, CC BY-NC, Kilo",
        ),
        authors="Barbara McClintock; Marco Cantoni",
        tags="epidemiology humans nurse.practitioner public.health",
        organism="Homo sapiens",
        year=2009,
        location="Bern",
        about="Complete blood counts over nine years, anonymised.",
    )
    yield group(
        55,
        5,
        "Thermal proteome profiles of the human kinome",
        torrent(
            65,
            "TPP kinome",
            """
            raw/F0[10-49].raw 790M-1.2G
            melting_points.tsv 2.8M
            search/mqpar.xml 91K
            """,
            "Mass Spec, Other, CC BY, Proteome",
        ),
        authors="Mikhail M. Savitski; Bernhard Kuster; Marcus Bantscheff",
        tags="biochemistry drug.discovery humans proteomics",
        organism="Homo sapiens",
        strain="K562",
        year=2014,
        about="Ten temperatures, two replicates, two compounds.",
    )


def _patterns() -> Iterator[Group]:
    yield group(
        15,
        6,
        "JASPAR core: transcription factor binding profiles",
        torrent(
            17,
            "JASPAR2020 CORE",
            """
            meme/MA[0001-0746].meme 700-1900
            JASPAR2020_CORE_redundant_pfms.txt 412K
            """,
            "Other, Text, CC BY, Genome",
        ),
        torrent(
            18,
            "JASPAR2020 logos",
            "MA[0001-0746].png 9K-31K",
            "Other, PNG, CC BY, Genome",
        ),
        authors="Oriol Fornes; Anthony Mathelier; Albin Sandelin",
        tags="gene.expression genomics next.gen",
        year=2020,
        about="746 matrices, as text and as logos.",
    )
    yield group(
        29,
        6,
        "Bird song of the Amazon: annotated spectrograms",
        torrent(
            37,
            "amazon song",
            """
            wav/XC[400100-400399].wav 2M-19M
            spectrograms/XC[400100-400399].png 180K-420K
            labels.csv 44K
            """,
            "Other, Other, CC BY-NC, Time",
        ),
        authors="José Ramón Álvarez-Núñez; Наталья Иванова",
        tags="data.science geography imaging machine.learning",
        organism="Aves",
        year=2019,
        location="Manaus",
        about="Three hundred recordings with every phrase marked.",
    )
    yield group(
        46,
        6,
        "Mass spectral library of 5,000 natural products",
        torrent(
            56,
            "NP-MS2",
            """
            gnps_np.mgf 91M
            gnps_np.msp 88M
            structures.smi 402K
            """,
            "Mass Spec, Text, CC BY, Value",
        ),
        authors="Mingxun Wang; Pieter C. Dorrestein",
        tags="drug.discovery natural.language organic.chemistry",
        year=2016,
        about="Fragment spectra with the structures they belong to.",
    )
    yield group(
        59,
        6,
        "Promoter motifs of mitochondria",
        torrent(
            70,
            "mito-motifs",
            """
            motifs/mt_[01-36].meme 700-2K
            hits.bed 71K
            """,
            "R, Text, GNU GPL, Genome",
        ),
        authors="Emmanuelle Charpentier; 李明",
        tags="coding genomics mitochondria",
        year=2022,
        about="Conserved motifs upstream of the heavy and the light strand's transcripts.",
    )


def _constraints() -> Iterator[Group]:
    yield group(
        17,
        7,
        "Distance restraints for ubiquitin, solution NMR",
        torrent(
            20,
            "1D3Z restraints",
            """
            1d3z.mr 391K
            noe.tbl 212K
            dihedral.tbl 18K
            rdc/{a,b}.tbl 14K
            """,
            "MRI/NMR, Text, Public Domain, Proteome",
        ),
        authors="Gabriel Cornilescu; Ad Bax",
        tags="biochemistry proteomics",
        organism="Homo sapiens",
        year=1998,
        accession="1D3Z",
        about="2,727 distances, and dipolar couplings in two media.",
    )
    yield group(
        30,
        7,
        "Flux bounds measured with ¹³C glucose",
        torrent(
            38,
            "13C-MFA",
            """
            labelling/{u13c,1-13c,20-80}.csv 21K
            bounds.tsv 8K
            inca/model.mat 3.4M
            """,
            "HPLC, CSV, CC BY, Value",
        ),
        authors="Christopher P. Long; Maciek R. Antoniewicz",
        tags="bacteria biochemistry protocol.available",
        organism="Escherichia coli",
        strain="K-12 MG1655",
        year=2013,
        about="What the fluxes of central metabolism can and cannot be.",
    )
    yield group(
        49,
        7,
        "IUCN Red List criteria applied to 900 amphibians",
        torrent(
            59,
            "redlist",
            """
            assessments.csv 1.9M
            ranges/{anura,caudata,gymnophiona}.geojson 31M-240M
            criteria.pdf 812K
            """,
            "Literature, JSON, CC BY-NC, Country",
        ),
        authors="International Union for Conservation of Nature",
        tags="data.science geography public.health",
        organism="Amphibia",
        year=2024,
        about="Range limits, population limits, and the verdict for each species.",
    )
