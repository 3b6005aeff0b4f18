// What the city eats: for each cuisine the parts of which restaurants' names are made, and its
// dishes with their usual price in pence. All names are invented; many are not English, because
// the engine must carry every script unharmed.

export interface Dish {
  sku: string;
  name: string;
  pence: number;
}

export interface Cuisine {
  name: string;
  heads: readonly string[];
  tails: readonly string[];
  dishes: readonly Dish[];
}

export const CUISINES: readonly Cuisine[] = [
  cuisine(
    "italian",
    "IT",
    "Trattoria|Pizzeria|Osteria|Da",
    "Nonna Pia|Gennaro|Città Vecchia|Vesuvio",
    "Pizza Margherita 950|Diavola 1150|Calzone 1190|Carbonara 1080|Minestrone 640|Tiramisù 560",
  ),
  cuisine(
    "german",
    "DE",
    "Imbiss|Gasthaus|Küche",
    "Süd|Löwe|Müller|am Fluß|Grünzeug",
    "Currywurst 780|Käsespätzle 990|Schnitzel 1290|Kartoffelsalat 390|Apfelstrudel 480",
  ),
  cuisine(
    "french",
    "FR",
    "Café|Bistro|Chez|Crêperie",
    "Léa|Amélie|Noé|du Marché|Été",
    "Croque-monsieur 790|Galette complète 890|Bœuf bourguignon 1590|Niçoise 1090|Clafoutis 590",
  ),
  cuisine(
    "turkish",
    "TR",
    "Köfteci|Ocakbaşı|Döner|Pide",
    "Yılmaz|Güneş|Şahin|Çiçek|Eck",
    "Döner in bread 650|İskender 1250|Lahmacun 490|Mercimek çorbası 420|Baklava 380",
  ),
  cuisine(
    "indian",
    "IN",
    "Taj|Masala|Thali|Dhaba",
    "House|Ghar|Express|Palace|No. 9",
    "Chicken tikka 1090|Dal makhani 820|Lamb biryani 1240|Garlic naan 310|Samosa 380|Lassi 340",
  ),
  cuisine(
    "vietnamese",
    "VN",
    "Phở|Quán|Bếp",
    "Hương|88|Nhà|Sài Gòn|Đà Lạt",
    "Phở bò 1120|Bánh mì 690|Bún chả 1150|Gỏi cuốn 560|Chè 390",
  ),
  cuisine(
    "japanese",
    "JP",
    "Nori|Sushi|Ramen|麺屋",
    "Hana|花|Kiyoshi|Ten|Minato",
    "Tonkotsu ramen 1190|Sake nigiri 720|Chicken katsu curry 1150|Gyoza 580|Miso soup 290",
  ),
  cuisine(
    "chinese",
    "CN",
    "Lucky|Golden|老|Bao",
    "Wok|Lantern|四川|& Co|Harbour",
    "Mapo tofu 980|Sweet and sour pork 1050|Char siu bao 590|Egg fried rice 380|Spring rolls 440",
  ),
  cuisine(
    "mexican",
    "MX",
    "Taquería|La|Burrito|Cantina",
    "Niño|Peña|Bar|Azul|Doña Inés",
    "Burrito al pastor 920|Tacos de carnitas 870|Quesadilla 740|Guacamole 490|Churros 430",
  ),
  cuisine(
    "burgers",
    "BG",
    "Burger|Patty|Smash|The Daily",
    "Mill|Bun|Brothers|Corner|Lane",
    "Cheeseburger 890|Double bacon 1180|Veggie burger 920|Fries 350|Onion rings 410|Milkshake 480",
  ),
  cuisine(
    "polish",
    "PL",
    "Pierogarnia|Bar|Kuchnia",
    "Żurek|Łódź|u Zosi|Mleczny|Źródło",
    "Pierogi ruskie 790|Bigos 890|Żurek 620|Placki ziemniaczane 690|Sernik 410",
  ),
  cuisine(
    "portuguese",
    "PT",
    "Churrasqueira|Tasca|Casa",
    "do João|São Bento|Avó Inês|Irmãos",
    "Frango piri-piri 1090|Bifana 620|Bacalhau à Brás 1290|Caldo verde 480|Pastel de nata 240",
  ),
  cuisine(
    "greek",
    "GR",
    "Taverna|Ταβέρνα|Gyros",
    "Ελιά|Nikos|Meraki|Άγκυρα|Kalamaria",
    "Gyros pita 720|Moussaka 1120|Horiatiki 840|Halloumi 610|Bougatsa 450",
  ),
  cuisine(
    "levantine",
    "LB",
    "Beirut|Zaatar|بيت|Cedar",
    "Kitchen|& Salt|Grill|Garden|شام",
    "Falafel wrap 680|Shish taouk 1090|Hummus 470|Fattoush 560|Mixed mezze 1690",
  ),
  cuisine(
    "korean",
    "KR",
    "Seoul|한식|Kimchi|Bap",
    "Table|Sang|House|& Sons|Alley",
    "Bibimbap 1080|Bulgogi 1290|Korean fried chicken 1150|Kimchi 320|Japchae 940",
  ),
  cuisine(
    "nordic",
    "SE",
    "Smörgås|Kök|Bröd",
    "& Søn|Åsgatan|Æble|Fjørd|Björk",
    "Köttbullar 1150|Räksmörgås 1080|Smørrebrød 890|Kanelbulle 320|Gravad lax 1240",
  ),
];

/** On every menu: what fills the gap between the dishes and what somebody wanted to spend. */
export const DRINKS: readonly Dish[] = dishes(
  "DR",
  "Still water 180|Cola 230|Ginger beer 290|Lemonade 260|Lager 0.5 l 420",
);

export const FIRST_NAMES: readonly string[] = (
  "Ada|Aoife|Asha|Bartosz|Chloë|Dmytro|Eilidh|Emre|Fatima|François|Grace|Hana|Ines|Jack|João|" +
  "Kofi|Lars|Linh|Małgorzata|Mei|Mohammed|Niamh|Noah|Olga|Owen|Priya|Ravi|Rosa|Sara|Søren|" +
  "Tomás|Uma|Viktor|Wanjiru|Yuki|Zoë"
).split("|");

export const LAST_NAMES: readonly string[] = (
  "Adeyemi|Ahmed|Bianchi|Byrne|Çelik|Chen|Dąbrowski|Das|Evans|Fernández|García|Hughes|Ito|Jones|" +
  "Kaya|Khan|Kowalska|Lefèvre|MacLeod|Mbeki|Murphy|Müller|Nguyễn|Nowak|O’Connor|Okafor|Patel|" +
  "Petrenko|Quinn|Reid|Sato|Silva|Singh|Smith|Sørensen|Taylor|Thomas|Walsh|Weiß|Yang"
).split("|");

function cuisine(
  name: string,
  code: string,
  heads: string,
  tails: string,
  priced: string,
): Cuisine {
  return { name, heads: heads.split("|"), tails: tails.split("|"), dishes: dishes(code, priced) };
}

/** "Calzone 1190|Minestrone 640": the name, and after the last space the price in pence. */
function dishes(code: string, priced: string): Dish[] {
  return priced.split("|").map((text, index) => ({
    sku: `${code}-${String(index + 1).padStart(2, "0")}`,
    name: text.slice(0, text.lastIndexOf(" ")),
    pence: Number(text.slice(text.lastIndexOf(" ") + 1)),
  }));
}
