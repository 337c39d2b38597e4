"""Where the sample company's customers are: countries, their zones, and names one meets there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A zone, the country it is in, and first names and surnames, separated by spaces."""

    country: str
    zone: str
    first_names: str
    surnames: str


PLACES = (
    Place("GB", "Europe/London", "Amelia Oliver Freya Harry", "Hughes Carter Whitfield Ellis"),
    Place("IE", "Europe/Dublin", "Aoife Cian Niamh Oisín", "Byrne Kavanagh Nolan Walsh"),
    Place("DE", "Europe/Berlin", "Lena Jonas Katrin Moritz", "Vogel Brandt Lehmann Albers"),
    Place("FR", "Europe/Paris", "Camille Hugo Manon Théo", "Lefèvre Garnier Roux Chevalier"),
    Place("ES", "Europe/Madrid", "Lucía Pablo Carmen Álvaro", "Serrano Molina Ortega Vidal"),
    Place("PT", "Europe/Lisbon", "Inês Tiago Beatriz Rui", "Carvalho Moreira Pinto Teixeira"),
    Place("SE", "Europe/Stockholm", "Astrid Elias Maja Nils", "Lindqvist Åberg Holm Sandell"),
    Place("FI", "Europe/Helsinki", "Aino Eetu Helmi Onni", "Laine Koskinen Salo Heikkilä"),
    Place("PL", "Europe/Warsaw", "Zofia Jakub Hanna Michał", "Kowalczyk Wrona Zając Lis"),
    Place("MA", "Africa/Casablanca", "Salma Youssef Imane Karim", "Alaoui Bennani Idrissi Tazi"),
    Place("KE", "Africa/Nairobi", "Wanjiru Otieno Achieng Kamau", "Mwangi Odhiambo Njoroge Wekesa"),
    Place("ZA", "Africa/Johannesburg", "Thandi Pieter Lerato Sipho", "Nkosi Botha Dlamini Naidoo"),
    Place("AE", "Asia/Dubai", "Mariam Omar Noura Khalid", "Haddad Mansour Saleh Farouk"),
    Place("IN", "Asia/Kolkata", "Ananya Rohan Priya Arjun", "Iyer Sharma Banerjee Kulkarni"),
    Place("LK", "Asia/Colombo", "Dilini Kasun Nadeesha Ruwan", "Perera Fernando Silva Jayasuriya"),
    Place("NP", "Asia/Kathmandu", "Sita Bikash Anjali Prakash", "Gurung Shrestha Thapa Rai"),
    Place("MM", "Asia/Yangon", "Thiri Zaw Hnin Min", "Aung Htun Lwin Oo"),
    Place("SG", "Asia/Singapore", "Mei Wei Hui Jun", "Tan Lim Goh Ong"),
    Place("JP", "Asia/Tokyo", "Yui Haruto Sakura Ren", "Sato Takahashi Yamamoto Mori"),
    Place("AU", "Australia/Sydney", "Matilda Jack Isla Cooper", "Fraser Doyle Hastings Reid"),
    Place("AU", "Australia/Adelaide", "Ruby Angus Zara Lachlan", "Barker Pryor Marsh Kerr"),
    Place("NZ", "Pacific/Auckland", "Aroha Tane Maia Wiremu", "Ngata Parata Henare Tui"),
    Place("NZ", "Pacific/Chatham", "Hine Rangi Ana Koro", "Solomon Preece Daymond Lanauze"),
    Place("BR", "America/Sao_Paulo", "Juliana Rafael Larissa Caio", "Almeida Barros Prado Rocha"),
    Place("MX", "America/Mexico_City", "Valeria Diego Ximena Emilio", "Ríos Aguilar Campos Luna"),
    Place("CA", "America/St_Johns", "Bridget Gerald Noreen Leo", "Power Hynes Squires Noseworthy"),
    Place("CA", "America/Vancouver", "Claire Owen Mila Lucas", "Chan MacLeod Dhillon Roy"),
    Place("US", "America/New_York", "Grace Ethan Naomi Marcus", "Sullivan Rivera Coleman Price"),
    Place("US", "America/Chicago", "Hannah Tyler Renee Dwayne", "Olsen Jefferson Novak Hale"),
    Place("US", "America/Los_Angeles", "Chloe Mateo Jasmine Kai", "Nguyen Castillo Park Bennett"),
    Place("US", "Pacific/Honolulu", "Leilani Keoni Malia Kimo", "Kealoha Nakamura Akana Kahale"),
)  # fmt: skip

# Names of shops are drawn from three lists, separated by spaces: Blue Heron Books.
SHOP_FIRST = (
    "Amber Birch Blue Bramble Bright Cedar Clover Copper Coral Crooked Driftwood Early Fern "
    "Foxglove Gentle Golden Green Harbour Hazel High Honest Indigo Iron Ivory Juniper Kind "
    "Lavender Little Lucky Maple Meadow Merry Midnight Moss Northern Old Olive Orchard Paper "
    "Pebble Quiet Red Rowan Saffron Salt Silver Slow Southern Sparrow Stone Sunny Thistle Tidal "
    "Velvet Violet Wandering Wild Willow Winter Yellow"
)

SHOP_SECOND = (
    "Anchor Bee Bell Boat Bridge Corner Dove Finch Fox Garden Gate Hare Heron Hill House Key "
    "Kite Lamp Lane Moon Mill Nest Otter Owl Pine Plum Pond Quill Raven River Robin Rose Star "
    "Table Tree Wagon Well Whale Wren Yard"
)

TRADES = (
    "Bakery Bicycles Books Botanicals Bread Candles Ceramics Cheese Chocolate Clothing Coffee "
    "Cycles Flowers Furniture Gifts Goods Guitars Ironworks Jewellery Kitchens Knits Leather "
    "Lighting Linen Notebooks Outdoors Pantry Papers Pets Pottery Prints Records Seeds Shoes "
    "Soaps Spices Tea Textiles Toys Wine Wool"
)
