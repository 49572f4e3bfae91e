"""Messages built from text: fields, nesting, oneofs, maps, well-known types."""

from google.protobuf import text_format

from serving import message_text

MESSAGES = message_text.build_messages(
    "shop",
    """
    message Order {
      message Line {
        string name = 1;
        int64 count = 2;
      }
      repeated Line lines = 1;
      google.protobuf.Int64Value limit = 2;
      map<string, Line> by_name = 3;
      oneof payment {
        string card = 4;
        bool cash = 5;
      }
      oneof delivery {
        string address = 6;
        bool shop = 7;
      }
    }
    message Nothing {
    }
    """,
)


def test_text_is_read_as_protobuf_would():
    order = text_format.Parse(
        'lines { name: "tea", count: 2 } limit { value: 3 } '
        'by_name { key: "tea" value { count: 1 } } cash: true address: "here"',
        MESSAGES["Order"](),
    )
    assert [(line.name, line.count) for line in order.lines] == [("tea", 2)]
    assert (order.limit.value, order.by_name["tea"].count) == (3, 1)
    assert (order.WhichOneof("payment"), order.WhichOneof("delivery")) == ("cash", "address")
    assert MESSAGES["Order"].FromString(order.SerializeToString()) == order


def test_a_field_of_a_oneof_takes_the_others_place():
    order = MESSAGES["Order"](card="1", address="here")
    order.cash = True
    assert (order.card, order.WhichOneof("payment"), order.address) == ("", "cash", "here")


def test_pools_are_apart():
    again = message_text.build_messages("shop", "message Order {\n string name = 1;\n}")
    assert [field.name for field in again["Order"].DESCRIPTOR.fields] == ["name"]
    assert set(MESSAGES) == {"Order", "Nothing"}
