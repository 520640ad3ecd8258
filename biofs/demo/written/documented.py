"""The groups that the API documents and recordings show, with their ids."""

from typing import Any

from biofs.demo.model import Group
from biofs.demo.written.build import group, moment, torrent

_ADH1_DESCRIPTION = (
    "<strong>Summary.</strong> This dataset was collected for the acceptance catalogue. "
    "It has more than one hundred characters &amp; some &quot;quotes&quot;, "
    "&lt;angle brackets&gt;, na&iuml;ve accents, and a link: "
    '<a rel="noreferrer" target="_blank" href="https://doi.org/10.1038/nature12373?a=1&amp;b=2">'
    "https://doi.org/10.1038/nature12373?a=1&amp;b=2</a><br />\n<br />\n[list]<br />\n"
    '<ul class="postlist"><li>Item one</li><li>Item two &mdash; with a dash</li></ul><br />\n'
    "[/list]"
)


def documented() -> list[Group]:
    """The groups of the documents' examples; group 1 as in the recording torrent_id_1."""
    return [_adh1(), *_kratom(), *_discoveries(), *_clinics(), *_massachusetts()]


def _adh1() -> Group:
    return group(
        1,
        1,
        "Alcohol dehydrogenase ADH1",
        torrent(
            1,
            "ADH1 - YOL086C",
            """
            S288C_YOL086C_ADH1_coding.fsa 1095
            S288C_YOL086C_ADH1_flanking.fsa 3157
            S288C_YOL086C_ADH1_genomic.fsa 1117
            S288C_YOL086C_ADH1_protein.fsa 385
            """,
            "Sanger, FASTA, Public Domain, Contig",
            description="Mirror of https://www.yeastgenome.org/locus/S000005446",
            archive="",
            annotated=False,
            seeders=5,
            leechers=0,
            snatched=3,
        ),
        authors="David Schild; Robert K. Mortimer",
        tags="coding fungi one.shot organic.chemistry protocol.available",
        organism="Saccharomyces cerevisiae",
        strain="S288C",
        year=1985,
        accession="YOL086C",
        lab="Saccharomyces Genome Database",
        location="Stanford, CA",
        picture="https://i.imgur.com/sF40cxi.png",
        description=_ADH1_DESCRIPTION,
    )


def _kratom() -> list[Group]:
    common: dict[str, Any] = {
        "authors": "Jackie Treehorn; Josiah Zayner",
        "tags": "plants drug.discovery genomics organic.chemistry one.shot next.gen",
        "organism": "Mitragyna speciosa",
        "year": 2017,
        "lab": "The ODIN",
    }
    reads = """
        {{raw,trimmed}}/MS{batch}_L00[1-4]_{{R1,R2}}.fastq.gz 310M-640M
        fastqc/MS{batch}_L00[1-4]_{{R1,R2}}_fastqc.html 210K-290K
        md5sums.txt 1184
    """
    return [
        group(
            7,
            11,
            "Final peer review",
            torrent(
                7,
                "Kratom - final peer review",
                """
                manuscript.pdf 318204
                reviewer_{1,2,3}.pdf 31K
                response_to_reviewers.docx 64K
                cover_letter.txt 2214
                """,
                "Literature, PDF, CC BY, Value",
                time=moment("2019-12-10 04:18:54"),
                seeders=5,
                leechers=0,
                snatched=4,
            ),
            about="The last round of reviews of the kratom genome, with the answers.",
            picture="https://i.imgur.com/19Jjdtn.jpg",
            **common,
        ),
        *(
            group(
                group_id,
                1,
                f"DNA batch {batch}",
                torrent(
                    group_id,
                    f"Kratom DNA batch {batch}",
                    reads.format(batch=batch),
                    "Illumina MiSeq, FASTQ, CC BY, Genome",
                    archive="gzip",
                ),
                about=f"Paired-end reads of leaf DNA, extraction batch {batch} of three.",
                **common,
            )
            for batch, group_id in enumerate((8, 9, 10), 1)
        ),
    ]


def _discoveries() -> list[Group]:
    return [
        group(
            16,
            12,
            "Infinite Discovery Machine v3",
            torrent(
                19,
                "Infinite Discovery Machine",
                """
                firmware/idm_v3.hex 94K
                hardware/idm_{top,bottom,case}.stl 2.1M
                runs/run_[01-48].csv 12K-680K
                README.md 3391
                """,
                "Binary, Text, CC BY-SA, Time",
                user_id=2,
                username="eva",
            ),
            authors="Sebastian Cocioba",
            tags="data.science one.shot protocol.available",
            year=2017,
            lab="Binomica Labs",
            location="Long Island City, NY",
            picture="https://binomicalabs.org/wp-content/uploads/2017/04/"
            "The-Infinite-Discovery-Machine-Binomica-Labs.jpg",
            about="An open-source bench robot: firmware, printable parts and 48 test runs.",
        ),
        group(
            23,
            1,
            "uBiome kombucha data",
            torrent(
                29,
                "uBiome kombucha",
                """
                ssr_[188760-188795].fastq.gz 1.2M-9.7M
                taxonomy.json 1.4M
                """,
                "Illumina MiSeq, FASTQ, Public Domain, Genome",
            ),
            authors="Keira Havens; Rachel Wells; Yuki Hamada",
            tags="bacteria fungi metagenomics next.gen",
            organism="Komagataeibacter xylinus & Brettanomyces bruxellensis",
            year=2015,
            picture="https://kombucha-genomics.github.io/photos/pexels-photo-130947.jpeg",
            about="16S reads of home-brewed kombucha, sent in by volunteers.",
        ),
        group(
            40,
            1,
            "COVID-19 Genomics UK Consortium: 2020-04-24",
            torrent(
                50,
                "COG-UK 2020-04-24",
                """
                cog_2020-04-24_sequences.fasta 243M
                cog_2020-04-24_alignment.fasta 251M
                cog_2020-04-24_metadata.csv 1.6M
                cog_global_2020-04-24_tree.newick 884K
                microreact/microreact-cogukconsortium-2020-04-24.csv 2.2M
                """,
                "Nanopore, FASTA, CC BY, Genome",
                user_id=2,
                username="eva",
            ),
            authors="COVID-19 Genomics UK Consortium",
            tags="epidemiology genomics humans public.health virus",
            organism="SARS-CoV-2",
            year=2020,
            picture="https://www.cogconsortium.uk/wp-content/uploads/2020/04/"
            "Screenshot-2020-04-27-at-15.40.51-1536x756.png",
            about="All consensus genomes that the consortium released on that day.",
        ),
        group(
            41,
            1,
            "Enzymatic synthesis of psilocybin",
            torrent(
                51,
                "Psiser1",
                """
                Psiser1_AssemblyScaffolds.fasta.gz 14M
                Psiser1_GeneCatalog_proteins_20160217.aa.fasta.gz 4.1M
                Psiser1_GeneCatalog_transcripts_20160217.nt.fasta.gz 6.4M
                Psiser1_GeneCatalog_genes_20160217.gff.gz 1.9M
                psi{D,H,K,M,T2}.gb 7K-12K
                """,
                "Illumina HiSeq, FASTA, CC BY, Scaffold",
            ),
            authors="Janis Fricke; Felix Blei; Dirk Hoffmeister",
            tags="biochemistry drug.discovery fungi genomics organic.chemistry germany",
            organism="Psilocybe serbica",
            year=2017,
            picture="https://mycocosm.jgi.doe.gov/public/Psiser1/P+serbica+2.png",
            about="The psi gene cluster and the genome it was found in.",
        ),
    ]


def _clinics() -> list[Group]:
    return [
        group(
            33,
            11,
            "CoronaWhy: Collaborative sharing of datasets by members of the CoronaWhy group",
            torrent(
                41,
                "",
                "CoronaWhy_v6_text.tar.gz 13703876874",
                "Literature, Text, CC BY-NC, Value",
                time=moment("2020-04-18 22:54:03"),
                seeders=4,
                leechers=0,
                snatched=2,
            ),
            authors="CoronaWhy",
            tags="data.science epidemiology germany machine.learning natural.language",
            year=2020,
            picture="https://i.imgur.com/kt0MsEg.jpg",
            about="Sentence-split full texts of the CORD-19 articles.",
        ),
        group(
            37,
            8,
            "RSNA Pneumonia Detection Challenge",
            torrent(
                46,
                "RSNA Pneumonia Detection Challenge - DICOM",
                """
                stage_2_detailed_class_info.csv 1647396
                stage_2_test_images.dcm.zip 395756780
                stage_2_train_images.dcm.zip 3535158913
                stage_2_train_labels.csv 1490034
                """,
                "X-Rays, DICOM, Unspecified, Whole Genome",
                description="Mirror of http://academictorrents.com/details/"
                "a0d80e1bb03ef8357d71e058ef9471b4468cd18e",
                time=moment("2020-04-23 05:44:51"),
                archive="ZIP",
                annotated=True,
                seeders=4,
                leechers=0,
                snatched=3,
            ),
            torrent(
                47,
                "RSNA Pneumonia Detection Challenge - PNG",
                """
                test/{00,1f,a3,c7}[0001-0250].png 88K-190K
                train/{0a,3c,5e,8b,d2,f9}[0001-0350].png 88K-190K
                stage_2_train_labels.csv 1490034
                """,
                "X-Rays, PNG, Unspecified, Whole Genome",
                time=moment("2020-04-23 05:48:14"),
                annotated=True,
                archive="None",
            ),
            authors="Radiological Society of North America",
            tags="data.science epidemiology grayscale humans machine.learning nurse.practitioner "
            "public.health",
            year=2020,
            picture="https://i.imgur.com/SVFU8bC.jpg",
            about="Chest radiographs with boxes around the opacities that radiologists marked.",
        ),
        group(
            48,
            8,
            "Applied Proteogenomics OrganizationaL Learning and Outcomes (APOLLO) Image Data",
            torrent(
                58,
                "APOLLO",
                """
                AP-{26VE,6H6G,7FMB,CPYN,F4QJ,GRCF,PX7R}/CT/1-[001-180].dcm 526K
                AP-{26VE,6H6G,CPYN,PX7R}/PT/1-[001-150].dcm 34K
                clinical_data.xlsx 41K
                LICENSE 388
                """,
                "CT/CAT, DICOM, CC BY, Milli",
            ),
            authors="Bruce Vendt; Marco Cantoni",
            tags="grayscale humans imaging proteomics",
            organism="Homo sapiens",
            year=2018,
            about="CT and PET series of seven lung-cancer cases.",
        ),
    ]


def _massachusetts() -> list[Group]:
    return [
        group(
            52,
            9,
            "Massachusetts 1:10,000 Coastal Color Orthophoto Images",
            torrent(
                62,
                "Coastal Color Orthos 1994",
                """
                index/coastal_tiles.{shp,shx,dbf,prj} 4K-90K
                tiles/c[100-388]_1994.tif 38M-47M
                """,
                "Other, GeoTIFF, Public Domain, Area",
            ),
            authors="Massachusetts Coastal Zone Management Office; National Geodetic Survey; "
            "NOAA Photogrammetry Division",
            tags="data.science geography massachusetts one.shot true.color",
            year=1994,
            lab="MassGIS",
            location="Boston, MA",
            about="The coast from Salisbury to Westport, half a metre a pixel.",
        ),
        group(
            57,
            9,
            "Massachusetts 1:5,000 Color Ortho Imagery",
            torrent(
                67,
                "Color Orthos 2005",
                """
                jp2/[100001-101554].jp2 15921421
                massgis_2005_index.zip 17123094
                """,
                "Other, JPEG 2000, Unspecified, Whole Genome",
                time=moment("2020-11-18 15:43:53"),
                annotated=False,
                archive="ZIP",
                seeders=2,
                leechers=0,
                snatched=0,
            ),
            authors="Production Sanborn LLC",
            tags="data.science geography massachusetts one.shot true.color",
            year=2005,
            lab="MassGIS",
            about="The whole Commonwealth in true color, flown in April 2005.",
        ),
    ]
