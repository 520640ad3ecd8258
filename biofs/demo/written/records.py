"""Believable groups of the categories Images, Spatial, Models, Documents and Machine Data."""

# ruff: noqa: RUF001 - names as their authors write them
from collections.abc import Iterator

from biofs.demo.model import Group
from biofs.demo.written.build import group, torrent


def records() -> Iterator[Group]:
    """The groups, by category."""
    yield from _images()
    yield from _spatial()
    yield from _models()
    yield from _documents()
    yield from _machine_data()


def _images() -> Iterator[Group]:
    yield group(
        18,
        8,
        "Photo 51 and its neighbours: B-DNA diffraction",
        torrent(
            21,
            "B-DNA plates",
            "plate_[48-55].tif 18M-24M",
            "X-Rays, TIFF, Public Domain, Nano",
            archive="None",
        ),
        torrent(
            22,
            "B-DNA plates (small)",
            "plate_[48-55].png 410K-620K",
            "X-Rays, PNG, Public Domain, Nano",
        ),
        authors="Rosalind E. Franklin; Raymond G. Gosling",
        tags="biochemistry grayscale imaging one.shot",
        year=1953,
        lab="King's College London",
        location="London",
        about="Eight plates of the B form, scanned at 2,400 dpi.",
    )
    yield group(
        31,
        8,
        "Cell painting of 1,600 small molecules",
        torrent(
            39,
            "cell painting",
            """
            images/{24277,24278}/{ERSyto,Hoechst,Mito,Ph_golgi}/w[001-384].tif 1.1M-1.4M
            profiles/mean_well_profiles.csv 41M
            """,
            "Microscopy, TIFF, CC BY, Micro",
        ),
        authors="Mark-Anthony Bray; Anne E. Carpenter",
        tags="drug.discovery imaging machine.learning mitochondria",
        organism="Homo sapiens",
        strain="U2OS",
        year=2017,
        about="Two plates in four channels, and the profiles computed from them.",
    )
    yield group(
        35,
        8,
        "Knee MRI with radiologists' reports",
        torrent(
            43,
            "knee MRI",
            """
            nifti/sub-[001-120]_{pd,t2}.nii.gz 9M-14M
            reports/sub-[001-120].txt 700-2400
            participants.tsv 5120
            """,
            "MRI/NMR, NIfTI, CC BY-NC, Milli",
            archive="gzip",
        ),
        torrent(
            44,
            "knee MRI (DICOM)",
            """
            sub-[001-120]/pd.zip 21M-33M
            sub-[001-120]/t2.zip 20M-31M
            """,
            "MRI/NMR, DICOM, CC BY-NC, Milli",
            archive="ZIP",
        ),
        authors="Radiological Society of North America; Åsa Öström",
        tags="grayscale humans imaging natural.language nurse.practitioner",
        organism="Homo sapiens",
        year=2018,
        about="A hundred and twenty knees, two sequences each.",
    )
    yield group(
        60,
        8,
        "Herbarium sheets of the Flora Danica",
        torrent(
            71,
            "Flora Danica",
            "plates/tab_[0001-3240].jpg 2M-6M",
            "Photography, Other, Public Domain, Milli",
        ),
        torrent(
            72,
            "Flora Danica (metadata)",
            """
            plates.json 1.2M
            taxa.csv 290K
            """,
            "Photography, Text, Public Domain, Milli",
        ),
        authors="Søren Kierkegård; Botanical Garden and Museum",
        tags="geography one.shot plants true.color",
        organism="Plantae",
        year=2023,
        location="København",
        about="All 3,240 plates, newly photographed.",
    )


def _spatial() -> Iterator[Group]:
    yield group(
        19,
        9,
        "Malaria incidence in Africa, 2000–2017",
        torrent(
            23,
            "MAP Pf incidence",
            "rasters/Pf_incidence_[2000-2017].tif 31M-34M",
            "Other, GeoTIFF, CC BY, Country",
        ),
        torrent(
            24,
            "MAP admin units",
            """
            admin{0,1,2}.geojson 4M-61M
            incidence_by_admin2.csv 12M
            """,
            "Other, JSON, CC BY, Country",
        ),
        authors="Daniel J. Weiss; Peter W. Gething",
        tags="epidemiology geography humans public.health",
        organism="Plasmodium falciparum",
        year=2019,
        lab="Malaria Atlas Project",
        about="Five-kilometre pixels for every year, and sums by district.",
    )
    yield group(
        38,
        9,
        "Sea-surface chlorophyll, monthly composites",
        torrent(
            48,
            "MODIS chlor_a",
            "L3m/A{2003,2004,2005,2006,2007,2008}[01-12]_chlor_a_4km.nc 26M-29M",
            "Other, netCDF, Public Domain, Area",
        ),
        authors="NASA Ocean Biology Processing Group",
        tags="data.science geography plants",
        year=2009,
        about="Six years of the green of the oceans.",
    )
    yield group(
        50,
        9,
        "Spatial transcriptomics of the dorsolateral prefrontal cortex",
        torrent(
            60,
            "spatialLIBD",
            """
            1515{07,08,09,10,69,70,71,72,73,74,75,76}_filtered_feature_bc_matrix.h5 19M-28M
            1515{07,08,09,10,69,70,71,72,73,74,75,76}_full_image.tif 280M-410M
            layers.csv 1.4M
            """,
            "Illumina HiSeq, HDF5, CC BY, Micro",
        ),
        authors="Kristen R. Maynard; Leonardo Collado-Torres; Keri Martinowich",
        tags="gene.expression humans imaging next.gen",
        organism="Homo sapiens",
        year=2021,
        about="Twelve sections, spots assigned to cortical layers by hand.",
    )


def _models() -> Iterator[Group]:
    yield group(
        20,
        10,
        "Protein language model, 650 million parameters",
        torrent(
            25,
            "esm1b_t33_650M_UR50S",
            """
            esm1b_t33_650M_UR50S.pt 7.3G
            esm1b_t33_650M_UR50S-contact-regression.pt 4K
            """,
            "Kernel, Other, MIT, Giga",
        ),
        torrent(
            26,
            "esm1b notebooks",
            "{contact_prediction,sup_variant_prediction,embeddings}.ipynb 90K-1.4M",
            "Notebook, Jupyter, MIT, Kilo",
        ),
        authors="Alexander Rives; Joshua Meier; Rob Fergus",
        tags="data.science machine.learning natural.language proteomics",
        year=2020,
        about="Weights, and three notebooks that use them.",
    )
    yield group(
        32,
        10,
        "Container images of the nf-core pipelines",
        torrent(
            40,
            "nf-core images",
            "{atacseq,chipseq,eager,mag,methylseq,rnaseq,sarek,viralrecon}-1.[0-3].sif 310M-1.9G",
            "Software, Docker, MIT, Mega",
        ),
        authors="Philip A. Ewels; nf-core community",
        tags="data.science genomics next.gen",
        year=2020,
        about="Four releases of eight pipelines, ready to run offline.",
    )
    yield group(
        47,
        10,
        "Segmentation networks for light microscopy",
        torrent(
            57,
            "cellpose models",
            """
            cyto_[0-3].pth 26M
            nuclei_[0-3].pth 26M
            size_{cyto,nuclei}_[0-3].npy 3K
            LICENSE 1518
            """,
            "Software, Other, BSD-2, Micro",
        ),
        authors="Carsen Stringer; Marius Pachitariu",
        tags="imaging machine.learning",
        year=2021,
        about="Four trainings of each of two networks.",
    )
    yield group(
        56,
        10,
        "Markov state models of villin folding",
        torrent(
            66,
            "villin MSM",
            """
            trajectories/run[000-399].xtc 88M-94M
            msm.h5 41M
            analysis.ipynb 2.1M
            """,
            "Kernel, HDF5, GNU GPL, Nano",
        ),
        authors="Vijay S. Pande; Gregory R. Bowman",
        tags="data.science machine.learning proteomics",
        year=2010,
        about="Four hundred trajectories and the model made of them.",
    )


def _documents() -> Iterator[Group]:
    yield group(
        21,
        11,
        "Versuche über Pflanzenhybriden",
        torrent(
            27,
            "Mendel 1866 (2003 edition)",
            """
            Mendel - Versuche über Pflanzenhybriden.pdf 1.2M
            Mendel - Experiments in Plant Hybridization.txt 71K
            tables/peas_[1-7].csv 300-900
            """,
            "Literature, PDF, Public Domain, Value",
        ),
        authors="Gregor Mendel",
        tags="coding natural.language one.shot plants",
        organism="Pisum sativum",
        year=2003,
        location="Brno",
        about="The talk, a translation, and the seven traits as tables.",
    )
    yield group(
        39,
        11,
        "Protocols of a teaching laboratory",
        torrent(
            49,
            "protocols",
            """
            pdf/{gel,gibson,miniprep,pcr,southern,western}_v[1-3].pdf 120K-840K
            src/{gel,gibson,miniprep,pcr,southern,western}.md 4K-12K
            """,
            "Literature, PDF, CC BY-SA, Value",
        ),
        authors="Anne-Marie d'Artagnan",
        tags="biochemistry nurse.practitioner protocol.available",
        year=2015,
        about="Six methods, three printings, and the sources.",
    )


def _machine_data() -> Iterator[Group]:
    yield group(
        22,
        12,
        "Nanopore squiggles of a Zymo mock community",
        torrent(
            28,
            "Zymo-GridION-EVEN",
            """
            fast5/batch_[0000-3999].fast5 19M-31M
            sequencing_summary.txt 1.4G
            """,
            "Binary, HDF5, CC BY, Time",
        ),
        authors="Samuel M. Nicholls; Joshua C. Quick; Nicholas J. Loman",
        tags="bacteria fungi long.read metagenomics",
        year=2019,
        lab="Loman Lab",
        location="Birmingham, UK",
        about="Raw signal of eight bacteria and two yeasts in known proportions.",
    )
    yield group(
        36,
        12,
        "Flow cytometry standard files, vaccine trial",
        torrent(
            45,
            "FLU09",
            """
            fcs/donor_[01-40]_day{0,7,28}.fcs 11M-24M
            gates.xml 88K
            """,
            "Binary, Other, CC BY-NC, Time",
        ),
        authors="Kary Mullis; Bruce Vendt",
        tags="epidemiology humans public.health virus",
        organism="Homo sapiens",
        year=2012,
        about="Forty donors before and after, with the gates.",
    )
    yield group(
        51,
        12,
        "Greenhouse sensors, one second apart",
        torrent(
            61,
            "greenhouse 2022",
            """
            2022-[01-12]/{co2,humidity,light,temperature}.csv.gz 8M-17M
            sensors.json 9K
            """,
            "Text, CSV, CC BY, Time",
            archive="gzip",
        ),
        authors="Janis Fricke; Наталья Иванова",
        tags="data.science germany plants",
        organism="Solanum lycopersicum",
        year=2022,
        location="Potsdam",
        about="Four quantities over a year of tomatoes.",
    )
